"""Closed loops by wrk, in small."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench.load_service import constant
from bench.load_wrk import write_draws, wrk

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None, reason="wrk is not installed: apt-get install wrk"
)
USERS, TRACKS = ["u1", "u2", "u3"], ["t1"]


def test_draws_are_lines_of_who_asks_and_who_plays_what(tmp_path: Path) -> None:
    write_draws(tmp_path / "draws", USERS, TRACKS, n=1_000)

    lines = (tmp_path / "draws").read_text().splitlines()
    writes = [line for line in lines if line.endswith(" t1")]
    assert 1_000 == len(lines)
    assert {line.partition(" ")[0] for line in lines} == set(USERS)
    assert 20 < len(writes) < 90


@needs_wrk
def test_what_was_answered_is_counted(tmp_path: Path) -> None:
    write_draws(tmp_path / "draws", USERS, TRACKS, n=100)
    with constant() as address:
        done = wrk(address, tmp_path / "draws", connections=4, seconds=1, run="1")

    assert done.requests > 100
    assert 0 == done.refused == done.failed
    assert 0 < done.p50_ms <= done.p95_ms


@contextmanager
def noting() -> Iterator[tuple[tuple[str, int], list[str]]]:
    """A server on loopback, and whose lists it was asked for."""
    asked = list[str]()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path.split("/")[3])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield ("127.0.0.1", server.server_port), asked
        finally:
            server.shutdown()


@needs_wrk
@pytest.mark.parametrize("start", [0, 400])
def test_a_run_goes_on_where_the_last_one_ended(tmp_path: Path, start: int) -> None:
    """The second of two threads has the second half; the first draws one to see that it can."""
    lines, half = 100_000, 50_000
    (tmp_path / "draws").write_text("".join(f"u{number}\n" for number in range(lines)))
    with noting() as (address, asked):
        wrk(address, tmp_path / "draws", connections=2, seconds=1, run="1", start=start)

    numbers = [int(user.removeprefix("u")) for user in asked]
    assert start // 2 + 1 == min(numbers)
    assert start // 2 + half == min(number for number in numbers if number >= half)
