"""Who is alike enough to be given one list: country, age band and taste.

Made from the listeners of the model, which are in memory, and from what they told about themselves.
A segment needs enough listeners, so that its list says nothing about any one of them.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.domain import Demographics
from service.model.current import View
from service.model.version import Model
from service.recommend.ordering import order
from service.recommend.scoring import total_from

FEWEST = 10  # listeners
MOST = 256  # segments: the largest
LONGEST = 100  # tracks
GENRES = 32  # the commonest: each is one pass over all likes, 7 ms per million
BAND_YEARS = 15
NONE = -1

Rows = NDArray[np.int32]
Told = Mapping[str, Demographics]


class Segments(Struct, frozen=True):
    """A list for each segment, and who is in which."""

    ids: Sequence[str]  # ascending
    codes: Rows  # of each id; NONE: in no segment
    lists: list[Rows]  # of the catalogue, best first, by code

    def rows(self, user_id: str) -> Rows | None:
        """What the segment of this listener likes most; None when they are in none."""
        place = bisect_left(self.ids, user_id)
        if place == len(self.ids) or self.ids[place] != user_id:
            return None
        code = self.codes[place]
        return None if code == NONE else self.lists[code]


def divide(view: View, told: Told, *, year: int, fewest: int = FEWEST) -> Segments | None:
    """The segments of the model's listeners; None without a model.

    Somebody whose country, age band and taste are shared by too few is put with those of the same
    taste, whoever they are.
    """
    model = view.model
    if model is None:
        return None
    ids = model.listeners.ids
    tastes = _tastes(view, model)
    codes, count = _codes(ids, told, tastes, year, fewest)
    order_of_ids = sorted(range(len(ids)), key=ids.__getitem__)
    return Segments(
        [ids[place] for place in order_of_ids],
        codes[order_of_ids],
        _lists(view, model, codes, count),
    )


def _tastes(view: View, model: Model) -> Rows:
    """int32 (users,): the genre each likes most tracks of; NONE without any."""
    users = len(model.listeners.ids)
    tracks, likers = _likes(model)
    sets, matrix = view.catalogue.genre_sets[: model.tracks], view.catalogue.genre_matrix
    if not users or not matrix.shape[1]:
        return np.full(users, NONE, np.int32)
    shares = np.zeros((users, min(matrix.shape[1], GENRES)), np.float32)
    common = np.argsort(-np.asarray(matrix[sets].sum(axis=0)).ravel(), kind="stable")
    for column, genre in enumerate(common[: shares.shape[1]]):
        of_set = np.asarray(matrix[:, [genre]].todense()).ravel()
        weights = of_set[sets][tracks]
        shares[:, column] = np.bincount(likers, weights, minlength=users)
    best: Rows = common[shares.argmax(axis=1)].astype(np.int32)
    best[~(shares > 0).any(axis=1)] = NONE
    return best


def _codes(
    ids: Sequence[str], told: Told, tastes: Rows, year: int, fewest: int
) -> tuple[Rows, int]:
    """int32 (users,) and how many segments there are: the narrowest that enough listeners share."""
    unknown = Demographics()
    narrow: dict[tuple[object, ...], list[int]] = {}
    for place, (user_id, taste) in enumerate(zip(ids, tastes.tolist(), strict=True)):
        about = told.get(user_id, unknown)
        band = None if about.birth_year is None else (year - about.birth_year) // BAND_YEARS
        narrow.setdefault((about.country, band, taste), []).append(place)
    kept = {name: places for name, places in narrow.items() if len(places) >= fewest}
    wide: dict[tuple[object, ...], list[int]] = {}
    for name, places in narrow.items():
        if name not in kept and name[2] != NONE:
            wide.setdefault((name[2],), []).extend(places)
    kept |= {name: places for name, places in wide.items() if len(places) >= fewest}
    nothing_known = (None, None, NONE)
    groups = [places for name, places in kept.items() if name != nothing_known]
    groups.sort(key=len, reverse=True)
    codes = np.full(len(ids), NONE, np.int32)
    for code, places in enumerate(groups[:MOST]):
        codes[places] = code
    return codes, min(len(groups), MOST)


def _lists(view: View, model: Model, codes: Rows, count: int) -> list[Rows]:
    """The most liked tracks of each segment, ties by what is played now."""
    tracks, likers = _likes(model)
    segment = codes[likers]
    by_segment = np.argsort(segment, kind="stable")
    ends = np.searchsorted(segment[by_segment], np.arange(count + 1))
    now = view.trending / (1 + np.nanmax(view.trending, initial=0))
    lists = []
    for start, end in pairwise(ends):
        liked = np.bincount(tracks[by_segment[start:end]], minlength=view.catalogue.size)
        lists.append(popular(view, (liked + now).astype(np.float32)))
    return lists


def popular(view: View, scores: NDArray[np.float32]) -> Rows:
    """The best rows for somebody of whose wishes nothing can be read: nothing explicit."""
    rows, _ = order(total_from(scores), view.catalogue.harmless, view.catalogue, LONGEST)
    return rows


def _likes(model: Model) -> tuple[NDArray[np.int64], Rows]:
    """Rows and users of every like."""
    by_track = model.listeners.by_track
    return np.repeat(np.arange(model.tracks), np.diff(by_track.indptr)), by_track.users
