"""Kill -9 while listens are being appended: what was acknowledged is there, once."""

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from service.store.sqlite import SqliteStore

APPENDER = Path(__file__).parent / "appender.py"
ROOT = Path(__file__).parents[2]
SEED = 20261123
ROUNDS = 6
BEFORE_THE_KILL_S = 0.4


def appender(path: Path, run: str, mode: str, *wrap: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*wrap, sys.executable, str(APPENDER), str(path), run, mode],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def said_before_kill(path: Path, run: str, mode: str, alive_s: float) -> list[str]:
    """Ids written by a child that was killed so long after its first one."""
    with appender(path, run, mode) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(alive_s)
        child.kill()
        rest = child.stdout.read()
    return (first + rest).decode().split()


async def stored(path: Path) -> Counter[str]:
    """How often each listen id is in the store, for whichever user; the file itself is sound."""
    with sqlite3.connect(path) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    store = SqliteStore(path)
    found = Counter([one.id async for batch in store.listens() for one in batch])
    await store.close()
    return found


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Every round starts from the file the last kill left behind."""
    path, draw = tmp_path / "echotune.db", random.Random(SEED)
    said: list[str] = []
    for number in range(ROUNDS):
        alive_s = draw.uniform(0, BEFORE_THE_KILL_S)
        said += said_before_kill(path, f"r{number}", "acked", alive_s)

    found = await stored(path)

    assert len(said) == len(set(said)) > ROUNDS
    assert [] == [listen_id for listen_id in said if found[listen_id] != 1]
    assert {1} == set(found.values())


async def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """A killed process leaves its page cache behind, so only a power cut would tell otherwise."""
    store = SqliteStore(tmp_path / "echotune.db")
    synchronous = store._writer.run(lambda one: one.execute("PRAGMA synchronous").fetchone())

    assert (2,) == await synchronous  # FULL
    await store.close()


async def test_the_control_loses_some(tmp_path: Path) -> None:
    """A child that speaks too early is caught, or the test above could not see anything."""
    path, draw = tmp_path / "echotune.db", random.Random(SEED)
    said: list[str] = []
    for number in range(ROUNDS):
        said += said_before_kill(path, f"r{number}", "eager", draw.uniform(0, BEFORE_THE_KILL_S))
        found = await stored(path)
        if any(not found[listen_id] for listen_id in said):
            return

    pytest.fail(f"{len(said)} listens were announced too early and none was lost")


async def test_a_full_disk_refuses_and_heals(tmp_path: Path) -> None:
    """A file that may not grow (RLIMIT_FSIZE): refused listens are not stored, later ones are."""
    path = tmp_path / "echotune.db"
    with appender(path, "full", "full") as child:
        acked, refused = child.communicate(timeout=60)

    assert 0 == child.returncode, refused.decode()[-2000:]
    found = await stored(path)
    assert set(acked.decode().split()) == found.keys()
    assert {1} == set(found.values())
    assert refused.split()
    assert not found.keys() & set(refused.decode().split())


async def test_a_failing_fsync_acknowledges_nothing(tmp_path: Path) -> None:
    """From the 30th on every sync answers EIO: the first refusal ends the child."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: a failing fsync cannot be injected")
    path = tmp_path / "echotune.db"
    inject = "inject=fsync,fdatasync:error=EIO:when=30+"
    trace = tmp_path / "trace"
    wrap = (strace, "-f", "-qq", "-o", str(trace), "-e", "trace=fsync,fdatasync", "-e", inject)
    with appender(path, "eio", "acked", *wrap) as child:
        acked, said = child.communicate(timeout=60)
    if b"ptrace" in said:
        pytest.skip("strace may not trace here: a failing fsync cannot be injected")

    assert b"StoreUnavailable" in said
    assert "EIO" in trace.read_text()
    found = await stored(path)
    assert acked.split()
    assert set(acked.decode().split()) <= found.keys()
    assert {1} == set(found.values())
