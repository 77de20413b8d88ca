"""What is played now: per track a count that halves every week.

Counts are kept as of a fixed moment, so that time passing is one factor for all of them
(forward decay, Cormode et al. 2009) and a new play is one addition.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from service.domain import HEARD_MS, SUPPORT, Listen, counted, is_somebody

HALF_LIFE = timedelta(days=7)
WINDOW = 8 * HALF_LIFE
"""A play older than this counts under 0.4 % of a new one and need not be read at start."""


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


MOST_HEARD = 200_000
"""Users and tracks between two counts of the store; what is beyond has to wait for the next."""


class Trending:
    """Decayed plays by catalogue row; `landmark` is any moment near the present."""

    def __init__(self, landmark: datetime) -> None:
        self._landmark = landmark
        self._weights = np.zeros(0, np.float64)
        self._heard: dict[tuple[int, str], int] = {}  # plays since the store was counted
        self._waiting: dict[int, list[tuple[str, datetime, int]]] = defaultdict(list)

    def add(self, plays: Iterable[tuple[int, datetime, float]]) -> None:
        """Count (row, at, plays)."""
        added = list(plays)
        if not added:
            return
        rows = np.array([row for row, _, _ in added], np.int64)
        self._grow(int(rows.max()) + 1)
        weights = [count * 2 ** ((at - self._landmark) / HALF_LIFE) for _, at, count in added]
        np.add.at(self._weights, rows, weights)

    def hear(self, listens: Iterable[tuple[int, Listen]]) -> None:
        """Count listens as they come, by row: as `counted`, a new track's once three play it.

        The store knows better and is counted again every few minutes: a user who played a track
        before that counts anew, and a track that two others play already waits for three more.
        """
        for row, listen in listens:
            key = row, listen.user_id
            before = self._heard.get(key, 0)
            if not trends(listen) or (not before and len(self._heard) >= MOST_HEARD):
                continue
            self._heard[key] = before + listen.plays
            more = counted(before + listen.plays) - counted(before)
            if more and row < len(self._weights) and self._weights[row]:
                self.add([(row, listen.at, more)])
            elif more:
                self._wait(row, listen.user_id, listen.at, more)

    def _wait(self, row: int, user_id: str, at: datetime, plays: int) -> None:
        waiting = self._waiting[row]
        waiting.append((user_id, at, plays))
        if len({user for user, _, _ in waiting}) >= SUPPORT:
            self.add((row, at, plays) for _, at, plays in self._waiting.pop(row))

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
