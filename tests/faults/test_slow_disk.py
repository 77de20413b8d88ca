"""Bar 2: the same with a disk that takes its time, and the control that must lose.

`kill -9` alone proves little: what was written and not synced survives it. With a slow fdatasync a
Redis that syncs every second holds back what it writes as well, and loses what it has acknowledged.
"""

import shutil
from pathlib import Path

import pytest

from tests.faults.deliveries import events
from tests.faults.plant import NOTHING_WRONG, Verdict
from tests.faults.sizes import size
from tests.faults.test_nothing_lost import SEED, VICTIMS, installed, survive

OURS_US, CONTROL_US = 50_000, 3_000_000


def slowed(microseconds: int) -> tuple[str, ...]:
    """The program that makes every fdatasync take so much longer, or a skip."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace")
    how = f"inject=fdatasync:delay_enter={microseconds}"
    return ("strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", how)


def test_every_event_counts_once_when_the_disk_is_slow(tmp_path: Path, data: Path) -> None:
    sent = events(size(1_000, 100_000), seed=SEED)
    with installed(tmp_path, data, mongo=False, through=slowed(OURS_US)) as plant:
        assert NOTHING_WRONG == survive(plant, sent, VICTIMS * size(1, 10))


def test_the_control_that_syncs_every_second_loses(tmp_path: Path, data: Path) -> None:
    """Each time it is killed it has acknowledged more than it has written."""
    sent = events(size(8_000, 100_000), seed=SEED)
    with installed(
        tmp_path, data, mongo=False, appendfsync="everysec", through=slowed(CONTROL_US)
    ) as plant:
        verdict = survive(plant, sent, ["events_unread"] * 3)

    assert 0 < verdict.counts_lost
    assert Verdict(counts_lost=verdict.counts_lost) == verdict
