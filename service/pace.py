"""Whether some work is quick enough to be done on the event loop, learned from what it took.

A hop to a thread is no gift: two threads take the interpreter from each other, and neither has its
caches. What is quick is done at once; what is not leaves the loop, and is tried there once a
second, for things may get better.
"""

from collections.abc import Callable
from time import monotonic

SHARE = 1 / 8
"""Of what is new: the last eight or so decide."""
MOST = 4.0
"""Times `quick_s` that one counts for: a single slow one is no habit."""
REST_S = 1.0


class Pace:
    """Of one kind of work, which is taken for quick until its running mean says otherwise."""

    def __init__(self, *, quick_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._quick_s, self._clock = quick_s, clock
        self._mean_s = 0.0
        self._rests_until = 0.0

    @property
    def quick(self) -> bool:
        """Whether the next one is done on the loop."""
        return self._mean_s <= self._quick_s or self._clock() >= self._rests_until

    def saw(self, took_s: float) -> None:
        """One was done on the loop and took so long."""
        took_s = min(took_s, MOST * self._quick_s)
        self._mean_s += (took_s - self._mean_s) * SHARE
        if self._mean_s > self._quick_s:
            self._rests_until = self._clock() + REST_S
