"""Closed loops by wrk, in small."""

import shutil
from pathlib import Path

import pytest

from bench.load_service import constant
from bench.load_wrk import write_draws, wrk

USERS, TRACKS = ["u1", "u2", "u3"], ["t1"]


def test_draws_are_lines_of_who_asks_and_who_plays_what(tmp_path: Path) -> None:
    write_draws(tmp_path / "draws", USERS, TRACKS, n=1_000)

    lines = (tmp_path / "draws").read_text().splitlines()
    writes = [line for line in lines if line.endswith(" t1")]
    assert 1_000 == len(lines)
    assert {line.partition(" ")[0] for line in lines} == set(USERS)
    assert 20 < len(writes) < 90


def test_what_was_answered_is_counted(tmp_path: Path) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed: apt-get install wrk")
    write_draws(tmp_path / "draws", USERS, TRACKS, n=100)
    with constant() as address:
        done = wrk(address, tmp_path / "draws", connections=4, seconds=1, run="1")

    assert done.requests > 100
    assert 0 == done.refused == done.failed
    assert 0 < done.p50_ms <= done.p95_ms
