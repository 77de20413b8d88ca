"""How often one address may send what opens nothing; then it is not looked at for a while.

A signature takes fifty times as long to check as a key. Keys, and tokens that were checked before,
are looked at first: whoever shares an address with somebody who guesses can go on.
"""

import math
from collections.abc import Callable
from time import monotonic

from service.access.gcra import Limiter, Rate
from service.errors import RateLimited

FAILURES = Rate(20.0, 200.0)


class Strangers:
    """Addresses that were refused lately, in this process."""

    def __init__(self, rate: Rate = FAILURES, *, clock: Callable[[], float] = monotonic) -> None:
        self._failures, self._clock = Limiter(rate), clock

    def check(self, source: str) -> None:
        """Refuse to look, if too much of it was nothing.

        Raises:
            RateLimited
        """
        wait_s = self._failures.wait_s(source, 1.0, self._clock())
        if wait_s > 0:
            seconds = max(math.ceil(wait_s), 1)
            raise RateLimited(f"too much from here opened nothing: again in {seconds} s", seconds)

    def failed(self, source: str) -> None:
        """Once more."""
        self._failures.take(source, 1.0, self._clock())
