"""What one user and one place may send; only what comes by HTTP is limited.

A backlog comes at once (a phone that was offline, a gateway after a restart), so both have a burst.
"""

import math
from collections.abc import Callable
from time import monotonic

from service import metrics
from service.access.gcra import Limiter, Rate
from service.domain import Listen
from service.errors import InvalidListen, RateLimited

USER_BURST_MINUTES = 10
SOURCE_BURST_MINUTES = 1
MINUTE_S = 60


class Limits:
    """Of this process: with N workers a user or place has up to N times as much. 0: no limit."""

    def __init__(
        self,
        *,
        user_per_minute: int,
        source_per_minute: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._user_per_minute, self._clock = user_per_minute, clock
        self._users = _limiter(user_per_minute, USER_BURST_MINUTES)
        self._sources = _limiter(source_per_minute, SOURCE_BURST_MINUTES)

    def check_source(self, source: str, listens: int) -> None:
        """Count so many listens from this address.

        Raises:
            RateLimited: none of them may come now.
        """
        if self._sources is None or not listens:
            return
        wait_s = self._sources.take(source, listens, self._clock())
        if wait_s:
            metrics.LISTENS_LIMITED.labels("source").inc(listens)
            # More than a whole minute's worth at once is never let in: smaller batches are.
            wait_s = min(wait_s, MINUTE_S)
            raise RateLimited(
                f"too many listens from this address: again in {math.ceil(wait_s)} s", wait_s
            )

    def check_user(self, listen: Listen) -> None:
        """Count the plays of a listen; one without a time stands for a count of any size.

        Raises:
            InvalidListen: the user has had their share.
        """
        if self._users is None:
            return
        wait_s = self._users.take(
            listen.user_id, listen.plays if listen.timed else 1, self._clock()
        )
        if wait_s:
            metrics.LISTENS_LIMITED.labels("user").inc()
            when = "never" if wait_s == math.inf else f"in {math.ceil(wait_s)} s"
            raise InvalidListen(
                f"at most {self._user_per_minute} plays a minute of one user: again {when}"
            )


def _limiter(per_minute: int, burst_minutes: int) -> Limiter | None:
    if not per_minute:
        return None
    return Limiter(Rate(per_minute / MINUTE_S, per_minute * burst_minutes))
