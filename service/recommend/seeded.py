"""Lists that start from seeds, not from a listener: tracks, artists and genres stand for a taste.

The seeds are folded into a history and go the way every list goes; what is allowed and how far each
track is from what was wished come as arrays, so whoever asks may have any words for them.
"""

from collections.abc import Callable, Mapping, Sequence

import anyio.to_thread
import numpy as np
from msgspec import Struct

from core.blend import standardise
from service.domain import Preferences, Strategy, User
from service.model.current import Current, View
from service.profile.history import History
from service.recommend.ask import Ask, Listener
from service.recommend.filtering import eligible
from service.recommend.ordering import spaced
from service.recommend.parts import Array, Flags, Rows
from service.recommend.pipeline import rank
from service.recommend.retrieval import STRATEGIES, Score

POOL = 250
"""Candidates by relevance that wishes order anew: of 100 tracks at most, the best in 2.5."""
WISH_WEIGHT = 2.0
"""Of nearness to what was wished beside relevance, both in deviations over the candidates."""
TRACKS_OF_ARTIST = 5
"""The most played tracks that stand for an artist; they are the question, so no answer."""
Distance = Callable[[Rows], Array | None]
"""float32 (rows,) of rows, NaN where nobody can say; None where nothing tells tracks apart."""
SEEDED_USER = "-"  # no id a client can send


class Seeds(Struct, frozen=True, kw_only=True):
    """What a list starts from: rows of tracks, codes of artists, names of genres."""

    rows: tuple[int, ...] = ()
    artists: tuple[int, ...] = ()
    genres: tuple[str, ...] = ()


class Seeded(Struct, frozen=True):
    """The list, and how many tracks could have been on it before and after `within`."""

    rows: Rows
    pool: int
    left: int


class SeededLists:
    """Makes lists from seeds."""

    def __init__(
        self,
        current: Current,
        *,
        timeout_s: float,
        balance: float = 0.0,
        strategies: Mapping[Strategy, Score] = STRATEGIES,
    ) -> None:
        self._current, self._timeout_s = current, timeout_s
        self._balance, self._strategies = balance, strategies

    def view(self) -> View:
        """The state to read seeds and make a list from."""
        return self._current.view()

    async def of(
        self,
        view: View,
        seeds: Seeds,
        *,
        limit: int,
        within: Flags | None = None,
        distance: Distance | None = None,
    ) -> Seeded:
        """Best first; shorter than `limit` where fewer tracks are allowed.

        Args:
            view: What the seeds are rows of.
            seeds: At least one.
            limit: 1..100.
            within: bool (n,): the only tracks that may be on the list.
            distance: From what was wished, if anything was.
        """
        ask = Ask(limit=POOL, explain=False, balance=self._balance)
        listener, pool, after = await anyio.to_thread.run_sync(_counted, view, seeds, ask, within)
        if not after:
            return Seeded(np.empty(0, np.int32), pool, 0)
        ranking = await rank(
            view,
            listener,
            ask,
            timeout_s=self._timeout_s,
            strategies=self._strategies,
            within=within,
        )
        listed = ranking.recommendations
        rows = np.fromiter((view.catalogue.rows[one.track.id] for one in listed), np.int32)
        far = distance(rows) if distance is not None else None
        if far is not None and len(rows):
            scores = np.fromiter((one.score for one in listed), np.float32)
            rows = rows[towards(scores, far)]
        return Seeded(rows[spaced(rows, view.catalogue, limit)], pool, after)


def _counted(view: View, seeds: Seeds, ask: Ask, within: Flags | None) -> tuple[Listener, int, int]:
    """Who asks, and how many tracks there are for them before and after `within`."""
    listener = listener_of(seeds, view)
    allowed = eligible(view, listener, ask)
    left = allowed if within is None else allowed & within
    return listener, int(allowed.sum()), int(left.sum())


def towards(scores: Array, distance: Array) -> Rows:
    """Places of the candidates, those near what was wished first; both float32 (c,).

    Who cannot be judged is taken to be as far as the average. Ties stay in the order given.
    """
    near = np.nan_to_num(standardise(distance))
    total = np.nan_to_num(standardise(scores)) - np.float32(WISH_WEIGHT) * near
    return np.argsort(-total, kind="stable").astype(np.int32)


def listener_of(seeds: Seeds, view: View) -> Listener:
    """Somebody who played the seeds and nothing else, each seed as much as another."""
    strengths: dict[int, float] = dict.fromkeys(seeds.rows, 1.0)
    for artist in seeds.artists:
        rows = _most_played(view, artist)
        for row in rows:
            strengths[row] = max(strengths.get(row, 0.0), 1.0 / len(rows))
    history = History(
        rows=np.fromiter(strengths, np.int32, len(strengths)),
        strengths=np.fromiter(strengths.values(), np.float32, len(strengths)),
        plays=np.ones(len(strengths), np.float32),
        disliked=np.empty(0, np.int32),
        listens=[],
    )
    return Listener(User(id=SEEDED_USER, preferences=Preferences(genres=seeds.genres)), history)


def _most_played(view: View, artist: int) -> Sequence[int]:
    coding = view.catalogue.artist_coding
    rows = coding.order[coding.begins[artist] : coding.begins[artist + 1]]
    best = np.argsort(-view.trending[rows], kind="stable")[:TRACKS_OF_ARTIST]
    return [int(row) for row in rows[best]]
