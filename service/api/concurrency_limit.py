"""How many requests to let in at once, learned from how many come too late.

Additive increase, multiplicative decrease (Chiu and Jain 1989; AIMDLimit of Netflix's
concurrency-limits), on the share of a window that took longer than it may. Their Gradient2 compares
times with the usual time instead, and under lasting load the usual time becomes the bad one: in a
simulation of 40 servers the limit wandered from 20 to 170 within a minute. A deadline stays.
"""

from collections.abc import Callable
from math import isfinite
from time import monotonic

from msgspec import Struct, structs

LEAST, MOST, FIRST = 20.0, 1_000.0, 200.0
MORE = 4.0
LESS = 0.9
LATE_SHARE = 0.05
"""More than this of a window too late: p95 is over the deadline."""
WINDOW_S, FEWEST = 0.1, 20
"""The limit is looked at again when a window is so long and saw so many requests."""


class Limit(Struct, frozen=True):
    """The limit; `after` gives the next, and nothing here reads a clock."""

    value: float = FIRST
    least: float = LEAST
    more: float = MORE

    def after(self, late_share: float, in_flight: int) -> "Limit":
        """The limit after a window of which `late_share` was late, with so many in flight at most.

        A share that is no number changes nothing.
        """
        if not isfinite(late_share):
            return self
        if late_share > LATE_SHARE:
            return structs.replace(self, value=max(self.value * LESS, self.least))
        if in_flight < self.value / 2:  # nobody was kept out: nothing is learned about the limit
            return self
        return structs.replace(self, value=min(self.value + self.more, MOST))


class Learned:
    """A limit that changes with what it sees: a request is late when it took over `late_s`."""

    def __init__(
        self, limit: Limit, *, late_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self.limit, self._late_s, self._clock = limit, late_s, clock
        self._ends, self._late, self._count, self._peak = clock() + WINDOW_S, 0, 0, 0

    def saw(self, start: float, in_flight: int) -> None:
        """A request that began at `start` has ended; so many were in flight with it."""
        now = self._clock()
        self._peak = max(self._peak, in_flight)
        self._late += now - start > self._late_s
        self._count += 1
        if now >= self._ends and self._count >= FEWEST:
            self.limit = self.limit.after(self._late / self._count, self._peak)
            self._ends, self._late, self._count, self._peak = now + WINDOW_S, 0, 0, 0
