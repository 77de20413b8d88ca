"""What was heard comes back: held back right after, sooner the more it is played."""

from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from core.sums import Flat
from service.model.catalogue import Catalogue
from service.profile.history import History
from service.recommend.scoring import Total


class Resurfacing(Struct, frozen=True, kw_only=True):
    """How tracks come back. Scores are in units of the total."""

    plays: float = 4.0  # for every doubling of the plays, once the last is long ago
    hold: float = 2.0  # taken off right after a listen
    half_life: timedelta = timedelta(minutes=30)  # of being held back, for a track played once


RESURFACING = Resurfacing()


def resurface(
    total: Total,
    history: History,
    catalogue: Catalogue,
    now: datetime | None,
    *,
    resurfacing: Resurfacing = RESURFACING,
) -> Total:
    """The scores of heard tracks raised by their plays, lowered by how recent they are.

    A track played p times gains `plays` × log2(1 + p) × (1 - h) and loses `hold` × h, where h is 1
    right after a listen and halves every `half_life` / (1 + log2(p)). Without a `now` the newest
    listen is now; untimed listens hold nothing back.
    """
    if not len(history.rows):
        return total
    age_s = _ages_s(history, catalogue, now)
    plays = np.maximum(history.plays, 0)
    half_life_s = resurfacing.half_life.total_seconds() / (1 + np.log2(np.maximum(plays, 1)))
    held = np.nan_to_num(0.5 ** (age_s / half_life_s))
    change = resurfacing.plays * np.log2(1 + plays) * (1 - held) - resurfacing.hold * held
    changes = np.full(total.size, np.nan, np.float32)
    changes[history.rows] = np.float32(total.unit) * change  # says something where no part does
    return structs.replace(total, flats=(*total.flats, Flat(changes)))


def _ages_s(history: History, catalogue: Catalogue, now: datetime | None) -> NDArray[np.float64]:
    """float64 (h,): seconds since the newest timed listen of each track; NaN without one."""
    newest: dict[int, datetime] = {}
    for listen in history.listens:
        row = catalogue.row(listen.track_id)
        if listen.timed and row is not None:
            newest.setdefault(row, listen.at)
            now = now or listen.at
    ages = (
        max((now - newest[row]).total_seconds(), 0.0) if now and row in newest else np.nan
        for row in history.rows.tolist()
    )
    return np.fromiter(ages, np.float64, len(history.rows))
