"""What is played now: per track a count that halves every week.

Counts are kept as of a fixed moment, so that time passing is one factor for all of them
(forward decay, Cormode et al. 2009) and a new play is one addition.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from service.domain import HEARD_MS, Listen, is_somebody

HALF_LIFE = timedelta(days=7)
HALF_LIFE_S = HALF_LIFE.total_seconds()
WINDOW = 8 * HALF_LIFE
"""A play older than this counts under 0.4 % of a new one and need not be read at start."""

NOTHING = np.zeros(0)
TREND_ACTIONS = ("play", "like", "save")


def trends(listen: Listen) -> bool:
    """Whether a listen counts: it has a time, is not late, no skip or dislike, no mere touch."""
    played_ms = HEARD_MS if listen.ms_played is None else listen.ms_played
    short = listen.action == "play" and played_ms < HEARD_MS
    return (
        listen.timed
        and listen.flag != "late"
        and listen.action in TREND_ACTIONS
        and not short
        and is_somebody(listen.user_id)
    )


class Trending:
    """Decayed plays by catalogue row; `landmark` is any moment near the present."""

    def __init__(self, landmark: datetime, weights: NDArray[np.float64] = NOTHING) -> None:
        self.landmark = landmark
        self.weights = weights.copy()  # (rows,), as of the landmark

    def add(self, plays: Iterable[tuple[int, datetime, float]]) -> NDArray[np.int64]:
        """Count (row, at, plays); the rows, as they came."""
        added = list(plays)
        if not added:
            return np.empty(0, np.int64)
        rows, moments, counts = zip(*added, strict=True)
        found, start = np.array(rows, np.int64), self.landmark.timestamp()
        seconds = np.array([at.timestamp() for at in moments]) - start
        self._grow(int(found.max()) + 1)
        np.add.at(self.weights, found, np.array(counts) * np.exp2(seconds / HALF_LIFE_S))
        return found

    def put(self, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> "Trending":
        """The same with other weights in these rows, as of the same landmark."""
        changed = Trending(self.landmark, self.weights)
        if rows.size:
            changed._grow(int(rows.max()) + 1)
            changed.weights[rows] = weights
        return changed

    def has(self, row: int) -> bool:
        """Whether any play of it was counted."""
        return row < len(self.weights) and bool(self.weights[row])

    def counts(self, now: datetime, size: int) -> NDArray[np.float32]:
        """float32 (size,): decayed plays of each row as of `now`."""
        self._grow(size)
        factor = 2.0 ** ((self.landmark - now) / HALF_LIFE)
        decayed: NDArray[np.float32] = (self.weights[:size] * factor).astype(np.float32)
        return decayed

    def _grow(self, size: int) -> None:
        missing = size - len(self.weights)
        if missing > 0:
            self.weights = np.concatenate([self.weights, np.zeros(missing)])
