"""How soon a list follows a like or a skip: from the sending of the event to the right answer."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from bench.harness import Bar, Outcome, Row, bar
from bench.load_service import Service, children, service
from bench.load_traffic import traffic
from bench.load_world import names, size, world
from bench.open_loop import open_loop

FULL, QUICK = 1_000, 40  # events
WARM_UP = 20  # events before them
RATE = 500  # requests a second beside them
WARM_UP_S = 3.0
WITHIN_S = 10.0
BUSY, PAUSE_S = 503, 0.005
MOST_CONNECTIONS = 64
ACTIONS = ("like", "skip")
Address = tuple[str, int]


def freshness(*, quick: bool) -> Outcome:
    """Like or skip to the next right list: embedded, and over two workers with Redis and load."""
    events = QUICK if quick else FULL
    with TemporaryDirectory() as folder:
        home = world(Path(folder), quick=quick)
        users, tracks = names(home)
        with service(home, workers=1) as alone:
            embedded = _measure(alone, users, events, apart=False)
        with (
            service(home, workers=2, jobs=True) as several,
            _load(several.address, users, tracks),
        ):
            together = _measure(several, users[events:], events, apart=True)
    found = {"embedded, one process": (embedded, 50), "2 workers + worker + Redis": (together, 500)}
    rows, bars = list[Row](), list[Bar]()
    for name, ((spent_ms, again), limit_ms) in found.items():
        p50, p95, p99 = np.percentile(spent_ms, (50, 95, 99)).tolist()
        values = {"p99 ms": p99, "most ms": max(spent_ms), "asked again": again, "events": events}
        rows.append(Row(name=name, median_ms=p50, p95_ms=p95, values=values))
        bars.append(bar(f"{name}: p99 of event to effect, ms", p99, "<=", limit_ms))
    return Outcome(
        rows=rows, bars=bars, params={"tracks": size(quick=quick), "load a second": RATE}
    )


def _measure(
    one: Service, users: Sequence[str], events: int, *, apart: bool
) -> tuple[list[float], int]:
    """Milliseconds of each event, and how many first answers were still the old ones.

    `apart`: written to one process, read from another.
    """
    writes = HTTPConnection(*one.address)
    reads = _other_than(writes, one) if apart else HTTPConnection(*one.address)
    spent_ms, again = list[float](), 0
    who = islice(zip(cycle(users), cycle(ACTIONS)), WARM_UP + events)
    for number, (user, action) in enumerate(who):
        url = f"/v1/users/{user}/recommendations?limit=20&mix=discover"
        before = _get(reads, url)
        track = before["recommendations"][number % 5]["track"]["id"]
        start = time.perf_counter()
        _feedback(writes, {"user_id": user, "track_id": track, "action": action})
        while True:
            after = _get(reads, url)
            shown = [one["track"]["id"] for one in after["recommendations"]]
            if after["list_id"] != before["list_id"] and track not in shown:
                break
            again += number >= WARM_UP
            if time.perf_counter() - start > WITHIN_S:
                raise RuntimeError(f"no list followed a {action} within {WITHIN_S:g} s")
        spent_ms.append((time.perf_counter() - start) * 1000)
    if apart and _worker(writes, one) == _worker(reads, one):
        raise RuntimeError("a connection was closed and came back at the other process")
    return spent_ms[WARM_UP:], again


def _get(connection: HTTPConnection, url: str) -> Any:
    return msgspec.json.decode(_ask(connection, "GET", url, 200))


def _feedback(connection: HTTPConnection, said: dict[str, str]) -> None:
    _ask(connection, "POST", "/v1/feedback", 202, msgspec.json.encode(said))


def _ask(
    connection: HTTPConnection, method: str, url: str, wanted: int, body: bytes | None = None
) -> bytes:
    """The body of the answer; asked anew while it is refused, or when an idle line was closed."""
    until = time.perf_counter() + WITHIN_S
    while True:
        try:
            connection.request(method, url, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            found = answer.read()
        except (HTTPException, OSError):
            connection.close()
            if time.perf_counter() > until:
                raise
            continue
        if answer.status == wanted:
            return found
        if answer.status != BUSY or time.perf_counter() > until:
            raise RuntimeError(f"{method} {url} was answered with {answer.status}: {found[:200]!r}")
        time.sleep(PAUSE_S)


def _other_than(first: HTTPConnection, one: Service) -> HTTPConnection:
    """A connection to another worker on the same port: the system chooses, so try until it does.

    Raises:
        RuntimeError: there is no other.
    """
    known = _worker(first, one)
    for _ in range(MOST_CONNECTIONS):
        other = HTTPConnection(*one.address)
        if _worker(other, one) != known:
            return other
        other.close()
    raise RuntimeError("all connections end at the same process")


def _worker(connection: HTTPConnection, one: Service) -> int:
    """The process that has the other end of the connection."""
    _ask(connection, "GET", "/health/live", 200)
    mine = f":{connection.sock.getsockname()[1]:04X}"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    theirs = next(line[9] for line in lines if line[2].endswith(mine))
    return next(pid for pid in children(one.pid) if f"socket:[{theirs}]" in _open_files(pid))


def _open_files(pid: int) -> set[str]:
    files = Path(f"/proc/{pid}/fd").iterdir()
    return {str(file.readlink()) for file in files if file.is_symlink()}


@contextmanager
def _load(address: Address, users: Sequence[str], tracks: Sequence[str]) -> Iterator[None]:
    """Other people's requests, from a process of its own, while the block runs."""
    words = (address, users, tracks)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=words, daemon=True)
    process.start()
    time.sleep(WARM_UP_S)
    if not process.is_alive():
        raise RuntimeError("the load ended by itself")
    try:
        yield
        if not process.is_alive():
            raise RuntimeError("the load ended by itself")
    finally:
        process.terminate()
        process.join()


def _send(address: Address, users: Sequence[str], tracks: Sequence[str]) -> None:
    open_loop(address, traffic(users, tracks, seed=1), rate=RATE, seconds=3_600.0)


BENCHES = {"freshness": freshness}
