"""Closed loops by wrk, which takes a twentieth of the processor that a client in Python does."""

import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.load_traffic import draws

SCRIPT = Path(__file__).with_name("load_wrk.lua")
DRAWS = 1_000_000
"""What a minute at 10,000 req/s takes, and some: each of wrk's two threads has half."""
THREADS = 2


class Closed(Struct, frozen=True):
    """What wrk saw."""

    requests: int
    seconds: float
    refused: int  # answers that are neither 2xx nor 3xx
    failed: int  # no answer at all
    p50_ms: float
    p95_ms: float

    @property
    def rate(self) -> float:
        """Requests a second that were served."""
        return (self.requests - self.refused) / self.seconds


def write_draws(path: Path, users: Sequence[str], tracks: Sequence[str], *, n: int = DRAWS) -> None:
    """Who asks and who plays what, a line each, as `bench.load_traffic` draws them."""
    with path.open("w") as out:
        for user, track in islice(draws(users, tracks, seed=0), n):
            out.write(f"{user} {track}\n" if track else f"{user}\n")


def wrk(
    address: tuple[str, int],
    drawn: Path,
    *,
    connections: int,
    seconds: int,
    run: str,
    start: int = 0,
) -> Closed:
    """Ask as fast as the answers come, over so many connections.

    `start`: draws that earlier runs have used. Whoever sends the same draws again asks for lists
    that are kept, which is not what listeners do.

    Raises:
        SystemExit: wrk is not installed.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("the load run needs wrk: apt-get install wrk")
    host, port = address
    moment = datetime.now(UTC).isoformat()
    command = ["wrk", "-t", str(THREADS), "-c", str(connections), "-d", f"{seconds}s"]
    command += ["-s", str(SCRIPT), f"http://{host}:{port}", "--", str(drawn), run, moment]
    command += [str(start // THREADS)]
    said = subprocess.run(  # noqa: S603 - our own command
        command, check=True, capture_output=True, text=True
    ).stdout
    line = next(line for line in said.splitlines() if line.startswith("DONE "))
    return msgspec.json.decode(line.removeprefix("DONE "), type=Closed)
