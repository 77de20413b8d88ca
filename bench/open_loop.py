"""Requests over HTTP/1.1 sent at intended times (open loop) or one after another (closed loop).

Keep-alive connections with one request in flight each. Only the status line, content-length,
server-timing and tier of an answer are read: every answer must carry a content-length, or be a 204
or 304.
"""

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter  # uvloop's clock stands still within a turn, whole ms
from typing import cast

import numpy as np
import uvloop
from numpy.typing import NDArray

TICK_S = 0.001  # uvloop's timers know whole milliseconds: a request leaves up to this much late
DRAIN_S = 10.0  # seconds an answer may come after the last request was meant to leave
LOST = 0  # the status of a request without an answer: refused, cut off, or still out at the end

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CACHE = re.compile(rb"\r\nserver-timing:[^\r]*?cache;desc=\"?(\w+)", re.IGNORECASE)
TIER = re.compile(rb'"tier":"(\w+)"')
TIER_WITHIN = 200  # bytes of a body
STALE = b"-stale"  # of an etag: an older list, sent since no newer one could be made in time
BODILESS = (204, 304)


@dataclass(frozen=True)
class Measured:
    """What became of n requests, in the order of their ends."""

    latency_s: NDArray[np.float64]  # (n,) from the intended time; closed loop: from the sending
    status: NDArray[np.int64]  # (n,) LOST where no answer came
    cache: NDArray[np.str_]  # (n,) word of server-timing's cache, "stale" for an older list, or ""
    tier: NDArray[np.str_]  # (n,) of the list in the body, or ""
    at_s: NDArray[np.float64]  # (n,) intended time after the start; closed loop: of the sending
    seconds: float  # how long requests were sent


@dataclass(frozen=True)
class Note:
    """What became of one request."""

    intended: float  # perf_counter
    latency_s: float
    status: int = LOST
    cache: bytes = b""
    tier: bytes = b""


@dataclass
class Run:
    """A load under way: requests waiting, connections idle, answers noted."""

    host: str
    port: int
    most: int  # connections open at once
    closed: Iterator[bytes] | None = None  # closed loop: where a free connection finds work
    until: float = 0.0  # closed loop: no request is sent after this perf_counter
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    idle: list["Connection"] = field(default_factory=list)
    busy: set["Connection"] = field(default_factory=set)
    opened: int = 0  # connections open or being opened
    start: float = field(default_factory=perf_counter)
    notes: list[Note] = field(default_factory=list)
    opening: set[asyncio.Task[None]] = field(default_factory=set)

    def send(self, intended: float, request: bytes) -> None:
        """Send now over an idle connection, or queue and open another up to the cap."""
        if self.idle:
            self.idle.pop().send(intended, request)
            return
        self.waiting.append((intended, request))
        if self.opened < self.most:
            self.open()

    def open(self) -> None:
        """Begin one more connection."""
        self.opened += 1
        task = asyncio.get_running_loop().create_task(self.connect())
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def connect(self) -> None:
        """One connection; when it is refused, the oldest waiting request is lost with it."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Connection(self), self.host, self.port)
        except OSError:
            self.opened -= 1
            if self.waiting:
                self.lose(self.waiting.popleft()[0], perf_counter())

    def free(self, connection: "Connection") -> None:
        """Give a connection its next request, or let it idle."""
        self.busy.discard(connection)
        if self.waiting:
            connection.send(*self.waiting.popleft())
        elif self.closed is not None and (now := perf_counter()) < self.until:
            request = next(self.closed, None)
            if request is None:  # no more to ask
                self.until = now
                self.idle.append(connection)
            else:
                connection.send(now, request)
        else:
            self.idle.append(connection)

    def lose(self, intended: float, now: float) -> None:
        """Note a request that has no answer."""
        self.notes.append(Note(intended, now - intended))

    def end(self, now: float) -> None:
        """Count what has no answer as lost, and close everything."""
        for task in self.opening:
            task.cancel()
        out = [connection.intended for connection in self.busy]
        out += [intended for intended, _ in self.waiting]
        for intended in out:
            self.lose(intended, now)
        for connection in [*self.busy, *self.idle]:
            connection.over = True
            connection.transport.abort()

    def measured(self, seconds: float) -> Measured:
        """The notes as arrays."""
        return Measured(
            np.array([note.latency_s for note in self.notes], np.float64),
            np.array([note.status for note in self.notes], np.int64),
            np.array([note.cache.decode() for note in self.notes], np.str_),
            np.array([note.tier.decode() for note in self.notes], np.str_),
            np.array([note.intended - self.start for note in self.notes], np.float64),
            seconds,
        )


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request in flight."""

    transport: asyncio.Transport

    def __init__(self, run: Run) -> None:
        self.run = run
        self.intended = 0.0
        self.over = False  # the run has ended: nothing is noted any more
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for a first request."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self.run.free(self)

    def send(self, intended: float, request: bytes) -> None:
        """One request, its latency counted from `intended` (perf_counter)."""
        self.intended = intended
        self.run.busy.add(self)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Note the answer once it is whole."""
        received = self.received = self.received + data if self.received else data
        head_end = received.find(HEAD_END)
        if head_end < 0:
            return
        status = int(received[9:12])
        length = LENGTH.search(received, 0, head_end)
        size = int(length[1]) if length and status not in BODILESS else 0
        if len(received) < head_end + len(HEAD_END) + size:
            return
        cache = CACHE.search(received, 0, head_end)
        word = cache[1] if cache else b""
        if received.find(STALE, 0, head_end) > 0:
            word = b"stale"
        tier = TIER.search(received, head_end, head_end + TIER_WITHIN)
        self.received = b""
        spent = perf_counter() - self.intended
        self.run.notes.append(Note(self.intended, spent, status, word, tier[1] if tier else b""))
        self.run.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """Whatever was in flight is lost; what waits gets a new connection."""
        run = self.run
        run.opened -= 1
        if self.over:
            return
        if self in run.busy:
            run.busy.discard(self)
            run.lose(self.intended, perf_counter())
        elif self in run.idle:
            run.idle.remove(self)
        if run.waiting or (run.closed is not None and perf_counter() < run.until):
            run.open()


def open_loop(
    address: tuple[str, int],
    requests: Iterator[bytes],
    *,
    rate: float,
    seconds: float,
    most: int = 512,
    drain_s: float = DRAIN_S,
) -> Measured:
    """Send `rate` requests a second for `seconds`, whatever the answers do."""
    return open_steps(address, [(requests, rate, seconds)], most=most, drain_s=drain_s)


def open_steps(
    address: tuple[str, int],
    steps: Sequence[tuple[Iterator[bytes], float, float]],
    *,
    most: int = 512,
    drain_s: float = DRAIN_S,
) -> Measured:
    """Send for each step its requests, so many a second, for so many seconds; then the next."""
    run = Run(*address, most)

    async def load() -> Measured:
        run.start = start = perf_counter()
        for requests, rate, seconds in steps:
            total, sent = round(rate * seconds), 0
            while sent < total:
                due = min(total, int((perf_counter() - start) * rate) + 1)
                for number in range(sent, due):
                    run.send(start + number / rate, next(requests))
                sent = due
                await asyncio.sleep(TICK_S)
            start += seconds
        return await drained(run, start - run.start, drain_s)

    return uvloop.run(load())


def closed_loop(
    address: tuple[str, int],
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    drain_s: float = DRAIN_S,
) -> Measured:
    """Keep `connections` requests in flight for `seconds`, or until there are no more."""
    run = Run(*address, connections, requests)

    async def load() -> Measured:
        run.start = perf_counter()
        run.until = run.start + seconds
        for _ in range(connections):
            run.open()
        while perf_counter() < run.until:  # noqa: ASYNC110 - off the hot path
            await asyncio.sleep(0.005)
        return await drained(run, seconds, drain_s)

    return uvloop.run(load())


async def drained(run: Run, seconds: float, drain_s: float) -> Measured:
    """Wait for what is out, at most `drain_s`, and end."""
    until = perf_counter() + drain_s
    while (run.busy or run.waiting) and perf_counter() < until:  # noqa: ASYNC110 - off the hot path
        await asyncio.sleep(0.005)
    run.end(perf_counter())
    return run.measured(seconds)
