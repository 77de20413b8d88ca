"""Stops asking what does not answer, and looks again a second later."""

from collections import deque
from collections.abc import Callable

from service import metrics

FAILURES = 5
LATEST = 20
MOST_FAILED = 10
PAUSE_S = 1.0


class Breaker:
    """One per dependency. Closed until five failures in a row, or ten among the latest twenty.

    While it is open one call a second, the probe, finds out whether the dependency is back.
    """

    def __init__(self, dependency: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._row = 0
        self._latest: deque[bool] = deque(maxlen=LATEST)  # True: failed
        self._next: float | None = None  # of the next probe; None: closed
        self._gauge = metrics.BREAKER_OPEN.labels(dependency)
        self._gauge.set(0)

    @property
    def open(self) -> bool:
        """Whether only probes are let through."""
        return self._next is not None

    def allows(self) -> bool:
        """Whether to call. While open, True once per pause, even if a probe never reports."""
        if self._next is None:
            return True
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + PAUSE_S
        return True

    def succeeded(self) -> None:
        """Close: it answers."""
        self._row = 0
        if self._next is None:
            self._latest.append(False)
            return
        self._next = None
        self._latest.clear()
        self._gauge.set(0)

    def failed(self) -> None:
        """Open, if that was one too many; while open, wait for another pause."""
        self._row += 1
        self._latest.append(True)
        if self._next is None and self._row < FAILURES and sum(self._latest) < MOST_FAILED:
            return
        self._next = self._clock() + PAUSE_S
        self._gauge.set(1)
