"""Sums are the same after a restart and from another process: they are of what is stored."""

import subprocess
import sys
from pathlib import Path

import anyio.to_thread

from service.experiments.gathering import Gathered, gather
from service.store.sqlite import SqliteStore
from tests.service.experiments.test_gathering import CATALOGUE, EXPERIMENT, NOW, many

ROOT = Path(__file__).parents[3]
ELSEWHERE = """
import asyncio, sys
from pathlib import Path
from tests.service.experiments.test_gathering_kept import sums
sys.stdout.write(asyncio.run(sums(Path(sys.argv[1]))))
"""


def written(found: Gathered) -> str:
    return repr([tally for _, tally in found.cuts])


async def sums(path: Path) -> str:
    """Every sum of a store that is opened for it, as text: to the bit."""
    store = SqliteStore(path)
    found = await gather(store, CATALOGUE, EXPERIMENT, now=NOW)
    await store.close()
    return written(found)


def elsewhere(path: Path) -> str:
    """The same, out of another process."""
    words = [sys.executable, "-c", ELSEWHERE, str(path)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


async def test_after_a_restart_and_elsewhere_they_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "echotune.db"
    store, (lists, listens) = SqliteStore(path), many()
    await store.put_shown(lists)
    await store.append(listens)
    before = await gather(store, CATALOGUE, EXPERIMENT, now=NOW)
    await store.close()

    again = await sums(path)
    there = await anyio.to_thread.run_sync(elsewhere, path)

    assert written(before) == again
    assert there == again
    assert before.cuts[-1][1]["plays"][0].y > 0
