"""Stops asking what does not answer, and looks again a second later."""

from collections.abc import Callable

FAILURES = 5
PAUSE_S = 1.0


class Breaker:
    """Closed until five failures in a row; then one call a second finds out whether it is back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._next = 0.0

    def allows(self) -> bool:
        """Whether to call. While open, True once per pause: that caller is the probe."""
        if self._failures < FAILURES:
            return True
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + PAUSE_S
        return True

    def succeeded(self) -> None:
        """Close."""
        self._failures = 0

    def failed(self) -> None:
        """Open after the fifth in a row."""
        self._failures += 1
        self._next = self._clock() + PAUSE_S
