"""The door: who is let in when more ask than can be answered.

Health and metrics always; then events, then users, last whoever asks ahead or waits to be told.
A request is refused when too many of its class are in flight, or when the event loop is late: on
one loop waiting work is in no count, so its delay is measured. Who is let in pays 2 µs, a refusal
takes 2.5.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Literal, get_args

from msgspec import Struct

from service import deadline, metrics
from service.api.concurrency_limit import MOST, Learned, Limit
from service.api.priority import is_prefetch
from service.api.refusal import Refusals

ASGI = Callable[..., Any]
Class = Literal["critical", "events", "user", "prefetch", "push"]
Reason = Literal["limit", "lag"]

CRITICAL = frozenset(("/health/live", "/health/ready", "/metrics"))
EVENTS = frozenset(("/v1/listens", "/v1/feedback"))
SUBMISSION = "/submit-listens"
CODED = ("/1/", "/apis/listenbrainz/")
"""Where refusals have another shape: `Refusals`."""
LISTS = "/recommendations"
PUSH = "/updates"
MOST_PUSH = 1_000
"""Open streams. One more is refused: if the oldest had to go for it, then 1,001 players that all
come back would send each other away for ever."""
SHED_PER_TICK = 5
"""Streams ended while the loop is so late that all of their class are refused: 200 a second."""
PREFETCH_SHARE = 0.1
"""Of the limit: what those who ask ahead may have in flight."""
LAGS_S: dict[Class, tuple[float, float]] = {
    "push": (0.005, 0.020),
    "prefetch": (0.005, 0.020),
    "user": (0.030, 0.100),
    "events": (0.150, 0.500),
}
"""Delay of the loop from which some of a class are refused, and from which all are."""
TICK_S = 0.025
TICKS = 3
"""The least lag of so many counts: work that is always due is a queue, one long step is none."""
EASE = 0.9
"""Per tick a share falls no faster, else the queue would be back before it is noticed."""
LITTLE = 0.01
TIMEOUT = b"x-request-timeout-ms"


class Guests(Struct):
    """Requests of one class."""

    in_flight: int = 0
    refused_share: float = 0.0  # by lag
    owed: float = 0.0  # of a refusal: shares add up, so that no dice are needed


class Admission:
    """An ASGI application in front of `app`, and the outermost.

    `shed` ends so many open streams at most and says how many: they are the first to go.
    """

    def __init__(
        self,
        app: ASGI,
        *,
        timeout_s: float,
        limit: Limit | None = None,
        shed: Callable[[int], int] = lambda _most: 0,
        classify: "Callable[[Any], Class] | None" = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._app, self._timeout_s, self._clock = app, timeout_s, clock
        self._learned = Learned(limit or Limit(), late_s=timeout_s, clock=clock)
        self._classify, self._shed = classify or class_of, shed
        self._guests: dict[Class, Guests] = {one: Guests() for one in get_args(Class)}
        self._lags: deque[float] = deque([0.0] * TICKS, maxlen=TICKS)
        self._ticking: asyncio.TimerHandle | None = None
        self._refusals, self._coded = Refusals(), Refusals(coded=True)
        metrics.CONCURRENCY_LIMIT.set_function(lambda: self.limit.value)
        for name, guests in self._guests.items():
            metrics.IN_FLIGHT.labels(name).set_function(partial(getattr, guests, "in_flight"))

    @property
    def limit(self) -> Limit:
        """Of requests in flight, as of now."""
        return self._learned.limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answer, or refuse at once."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = self._classify(scope)
        if name == "critical":
            await self._app(scope, receive, send)
            return
        if self._ticking is None:
            self._tick_later()
        guests = self._guests[name]
        if (reason := self._refuses(name, guests)) is not None:
            metrics.SHED.labels(name, reason).inc()
            coded = scope["path"].startswith(CODED)
            await (self._coded if coded else self._refusals).send(send)
            return
        start = self._clock()
        if name != "events" and scope["path"].endswith(LISTS):
            deadline.UNTIL.set(start + self._time_for(scope))
        guests.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._left(name, guests, start)

    def late(self, lag_s: float) -> None:
        """The event loop is so late: decide which share of each class is refused from now on."""
        metrics.LOOP_LAG.set(lag_s)
        self._lags.append(lag_s)
        queue_s = min(self._lags)
        for name, (some, everybody) in LAGS_S.items():
            guests, share = self._guests[name], (queue_s - some) / (everybody - some)
            eased = guests.refused_share * EASE
            guests.refused_share = min(max(share, eased if eased > LITTLE else 0.0), 1.0)
        if self._guests["push"].refused_share == 1.0:
            metrics.SHED.labels("push", "lag").inc(self._shed(SHED_PER_TICK))

    def _refuses(self, name: Class, guests: Guests) -> Reason | None:
        if guests.refused_share:
            guests.owed += guests.refused_share
            if guests.owed >= 1.0:
                guests.owed -= 1.0
                return "lag"
        if name == "events":  # they wait for the disk: their number says little about the processor
            return "limit" if guests.in_flight >= MOST else None
        if name == "push":  # they wait and do nothing, so they are none of the others' number
            return "limit" if guests.in_flight >= MOST_PUSH else None
        if name == "prefetch" and guests.in_flight >= max(self.limit.value * PREFETCH_SHARE, 1.0):
            return "limit"
        both = self._guests["user"].in_flight + self._guests["prefetch"].in_flight
        return "limit" if both >= self.limit.value else None

    def _time_for(self, scope: Any) -> float:  # noqa: ANN401 - ASGI
        for name, value in scope["headers"]:
            if name == TIMEOUT:
                if value.isdigit() and len(value) < 10:
                    return min(int(value) / 1000, self._timeout_s)
                break
        return self._timeout_s

    def _left(self, name: Class, guests: Guests, start: float) -> None:
        if name == "user":
            self._learned.saw(start, guests.in_flight)
        guests.in_flight -= 1

    def _tick_later(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK_S
        self._ticking = loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.late(loop.time() - due)
        self._tick_later()


def class_of(scope: Any) -> Class:  # noqa: ANN401 - ASGI
    """How much it matters that this request is answered."""
    path = scope["path"]
    if path in CRITICAL:
        return "critical"
    if path in EVENTS or (path.startswith(CODED) and path.rstrip("/").endswith(SUBMISSION)):
        return "events"
    if path.endswith(PUSH):
        return "push"
    return "prefetch" if is_prefetch(scope["headers"]) else "user"
