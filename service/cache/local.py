"""The local level: answers of this process, bounded in bytes."""

import math
from collections.abc import Callable

from moka_py import Moka
from msgspec import Struct

from service.cache.answer import Answer

OVERHEAD_BYTES = 1_000
"""Key, entry, objects and allocator, measured with 100,000 answers of 1 KiB."""
FRESH_S = 300.0
KEPT_S = 24 * 3600.0
"""How long an answer that is not to be served any more is kept for when nothing better can be made.

Room is no question: what is not asked for goes first when the bytes run out."""
LIKELIEST = 20.0
"""No draw of `-ln(random)` is above this but one in half a billion."""


class Kept(Struct, frozen=True):
    """An answer and the moments that decide about it, in seconds of the local clock."""

    answer: Answer
    rev: int  # of the answer, one step nearer
    since: float  # as of when it was right: the beginning of its fill
    early: float  # from here on a reader may refresh it ahead of time
    until: float  # stale from here on
    gone: float  # not to be served from here on

    def due(self, now: float, random: float) -> bool:
        """Whether a reader who drew `random` from [0, 1) should refresh it ahead of its end.

        The closer to the end and the dearer, the likelier: XFetch (Vattani, VLDB 2015), β = 1.
        """
        return now - self.answer.cost_s * math.log(1.0 - random) >= self.until


class Local:
    """The newest and most used answers of this process."""

    def __init__(self, capacity_bytes: int, clock: Callable[[], float]) -> None:
        self._cache: Moka[str, Kept] = Moka(
            capacity_bytes,
            weigher=lambda key, kept: kept.answer.weight + len(key) + OVERHEAD_BYTES,
        )
        self._clock = clock
        self.get: Callable[[str], Kept | None] = self._cache.get  # a frame less on every hit

    @property
    def weight(self) -> int:
        """Bytes held, after pending evictions."""
        self._cache.run_pending_tasks()
        return self._cache.weighted_size()

    def put(self, key: str, answer: Answer, *, since: float) -> None:
        """Fresh for five minutes at most, and then for as long as it may bridge.

        `since`: when the work on it began.
        """
        now = self._clock()
        until = min(now + FRESH_S, answer.made + answer.fresh_s)
        gone = max(until, now) + answer.stale_s
        if gone > now:
            early = until - answer.cost_s * LIKELIEST
            self._cache.set(key, Kept(answer, answer.rev, since, early, until, gone), ttl=KEPT_S)

    def clear(self) -> None:
        """Keep nothing."""
        self._cache.clear()
