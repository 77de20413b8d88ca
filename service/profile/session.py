"""The session a listener is in, and what they turned away from in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.domain import Listen
from service.model.catalogue import Catalogue
from service.profile.history import History
from service.profile.strength import SKIP, strength

GAP = timedelta(minutes=30)
"""A longer silence ends a session."""
HALF_LIFE = timedelta(minutes=15)
"""A skip says half as much after so long."""


class Skips(Struct, frozen=True):
    """Tracks skipped or disliked in the running session, newest first; none twice."""

    rows: NDArray[np.int32]  # (s,)
    weights: NDArray[np.float32]  # (s,) 1 for a skip at the start of the track, just now


def session(history: History, now: datetime | None) -> Iterator[Listen]:
    """The timed listens of the session that runs at `now`, newest first; None: at the newest."""
    later = now
    for listen in history.listens:
        if not listen.timed:
            continue
        if later is not None and later - listen.at > GAP:
            return
        later = listen.at
        yield listen


def skips(history: History, catalogue: Catalogue, now: datetime | None) -> Skips:
    """What was skipped in the session that runs at `now`; empty when none runs.

    Who skips a track and then plays it after all has not turned away from it.
    """
    weights: dict[int, float] = {}
    start = now
    for listen in session(history, now):
        start = start or listen.at
        row = catalogue.row(listen.track_id)
        if row is None or row in weights:
            continue
        weights[row] = 0.0
        if listen.action in ("skip", "dislike"):
            turned = min(strength(listen, int(catalogue.durations_ms[row])) / SKIP, 1.0)
            weights[row] = turned * 0.5 ** (max(start - listen.at, timedelta()) / HALF_LIFE)
    kept = {row: weight for row, weight in weights.items() if weight > 0}
    return Skips(
        np.fromiter(kept, np.int32, len(kept)), np.fromiter(kept.values(), np.float32, len(kept))
    )
