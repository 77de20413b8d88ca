"""What is played now: per track a count that halves every week.

Counts are kept as of a fixed moment, so that time passing is one factor for all of them
(forward decay, Cormode et al. 2009) and a new play is one addition.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from service.domain import Listen

HALF_LIFE = timedelta(days=7)
WINDOW = 8 * HALF_LIFE
"""A play older than this counts under 0.4 % of a new one and need not be read at start."""


TREND_ACTIONS = ("play", "like", "save")


def trends(listen: Listen) -> bool:
    """Whether a listen counts: it has a time, did not come late, and is no skip or dislike."""
    return listen.timed and listen.flag != "late" and listen.action in TREND_ACTIONS


class Trending:
    """Decayed plays by catalogue row; `landmark` is any moment near the present."""

    def __init__(self, landmark: datetime) -> None:
        self._landmark = landmark
        self._weights = np.zeros(0, np.float64)

    def add(self, plays: Iterable[tuple[int, datetime, float]]) -> None:
        """Count (row, at, plays)."""
        added = list(plays)
        if not added:
            return
        rows = np.array([row for row, _, _ in added], np.int64)
        self._grow(int(rows.max()) + 1)
        weights = [count * 2 ** ((at - self._landmark) / HALF_LIFE) for _, at, count in added]
        np.add.at(self._weights, rows, weights)

    def counts(self, now: datetime, size: int) -> NDArray[np.float32]:
        """float32 (size,): decayed plays of each row as of `now`."""
        self._grow(size)
        factor = 2.0 ** ((self._landmark - now) / HALF_LIFE)
        decayed: NDArray[np.float32] = (self._weights[:size] * factor).astype(np.float32)
        return decayed

    def _grow(self, size: int) -> None:
        missing = size - len(self._weights)
        if missing > 0:
            self._weights = np.concatenate([self._weights, np.zeros(missing)])
