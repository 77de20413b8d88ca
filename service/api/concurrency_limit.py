"""How many requests to let in at once, learned from how many come too late.

Additive increase, multiplicative decrease (Chiu and Jain 1989; AIMDLimit of Netflix's
concurrency-limits), on the share of a window that took longer than it may. Their Gradient2 compares
times with the usual time instead, and under lasting load the usual time becomes the bad one: in a
simulation of 40 servers the limit wandered from 20 to 170 within a minute. A deadline stays.
"""

from math import isfinite

from msgspec import Struct

LEAST, MOST, FIRST = 20.0, 1_000.0, 200.0
MORE = 4.0
LESS = 0.9
LATE_SHARE = 0.05
"""More than this of a window too late: p95 is over the deadline."""


class Limit(Struct, frozen=True):
    """The limit; `after` gives the next, and nothing here reads a clock."""

    value: float = FIRST

    def after(self, late_share: float, in_flight: int) -> "Limit":
        """The limit after a window of which `late_share` was late, with so many in flight at most.

        A share that is no number changes nothing.
        """
        if not isfinite(late_share):
            return self
        if late_share > LATE_SHARE:
            return Limit(max(self.value * LESS, LEAST))
        if in_flight < self.value / 2:  # nobody was kept out: nothing is learned about the limit
            return self
        return Limit(min(self.value + MORE, MOST))
