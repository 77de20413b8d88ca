"""Tracks near a track, and what is trending: lists that start from no listener."""

from functools import partial
from hashlib import blake2b
from time import monotonic

import anyio.to_thread
import msgspec
import numpy as np
from msgspec import Struct

from core.blend import standardise
from core.topk import topk
from service.base62 import base62
from service.cache.answer import Answer
from service.cache.keys import similar_key
from service.cache.two_level import TwoLevel
from service.domain import FEATURES, Reason, Recommendation, TrackBrief, User
from service.errors import UnknownTrack, UnknownUser
from service.model.catalogue import UNKNOWN
from service.model.current import Current, View
from service.profile.history import NEWEST, History, fold
from service.recommend.addressed import NOBODY
from service.recommend.ask import Ask, Listener
from service.recommend.filtering import eligible
from service.recommend.ordering import order
from service.recommend.parts import Array
from service.recommend.recommender import NOBODYS_REV
from service.recommend.retrieval import collaborative, content
from service.recommend.scoring import combine, total_from, weights_for
from service.recommend.taste import AUDIO
from service.store import Store

TASTE_WEIGHT = 0.5
"""How much the listener's own taste counts beside nearness to the track."""
CLOSEST = 2
FRESH_S = 6 * 3600.0
"""Track and model do not change under a key: its end is that of the room there is."""


class Trend(Struct, frozen=True):
    """One place among what is played now."""

    rank: int
    track: TrackBrief
    score: float


class TrendingPage(Struct, frozen=True):
    """The answer of GET /v1/trending."""

    trending: list[Trend]


class SimilarPage(Struct, frozen=True):
    """The answer of GET /v1/tracks/{id}/similar."""

    track_id: str
    similar: list[Recommendation]


class SimilarTracks:
    """Answers around tracks."""

    def __init__(self, store: Store, current: Current, cache: TwoLevel) -> None:
        self._store, self._current, self._cache = store, current, cache
        self._encode = msgspec.json.Encoder().encode

    def trending(self, limit: int) -> TrendingPage:
        """The most played tracks, plays counting half as much every week."""
        view = self._current.view()
        if not view.catalogue.size:
            return TrendingPage([])
        rows, scores = topk(view.trending, k=limit)
        return TrendingPage(
            [
                Trend(place, view.catalogue.briefs[row], round(float(score), 4))
                for place, (row, score) in enumerate(zip(rows, scores, strict=True), 1)
            ]
        )

    async def encoded(self, track_id: str, *, limit: int, user_id: str | None) -> bytes:
        """What `of` says, as JSON; kept when it is for nobody in particular.

        Raises:
            UnknownTrack, UnknownUser
        """
        view = self._current.view()
        if user_id is not None or view.catalogue.row(track_id) is None:
            return self._encode(await self.of(track_id, limit=limit, user_id=user_id))
        key = similar_key(view.stamp, track_id, limit)
        served = await self._cache.get(NOBODY, key, partial(self._load, view, track_id, limit))
        if served is None:
            raise AssertionError("there is always a list for nobody")
        return served[0].body

    async def _load(self, view: View, track_id: str, limit: int) -> Answer:
        begun = monotonic()
        similar = await anyio.to_thread.run_sync(
            _nearest, view, view.catalogue.rows[track_id], limit, None
        )
        body, made = self._encode(SimilarPage(track_id, similar)), monotonic()
        return Answer(
            body=body,
            tag=base62(blake2b(body, digest_size=8).digest()),
            rev=NOBODYS_REV,
            made=made,
            cost_s=made - begun,
            fresh_s=FRESH_S,
            stale_s=0.0,
        )

    async def of(self, track_id: str, *, limit: int, user_id: str | None) -> SimilarPage:
        """The nearest tracks, best first; re-ranked for a listener when `user_id` is given.

        Raises:
            UnknownTrack, UnknownUser
        """
        view = self._current.view()
        row = view.catalogue.row(track_id)
        if row is None:
            raise UnknownTrack(f"there is no track {track_id!r}")
        listener = await self._listener(user_id, view) if user_id else None
        similar = await anyio.to_thread.run_sync(_nearest, view, row, limit, listener)
        return SimilarPage(track_id, similar)

    async def _listener(self, user_id: str, view: View) -> Listener:
        user = await self._store.user(user_id)
        if user is None:
            raise UnknownUser(f"there is no user {user_id!r}")
        return Listener(user, fold(await self._store.recent(user_id, NEWEST), view.catalogue))


def _nearest(view: View, row: int, limit: int, listener: Listener | None) -> list[Recommendation]:
    seed = Listener(User(id="-"), _history_of(row))
    total = _total(view, seed)
    allowed = eligible(view, listener or seed, Ask(mix="blend"))
    if listener is not None:
        taste = np.nan_to_num(standardise(_total(view, listener)))
        total = standardise(total) + np.float32(TASTE_WEIGHT) * taste
    allowed[row] = False
    rows, best = order(total_from(total), allowed, view.catalogue, limit)
    return [
        Recommendation(
            place,
            view.catalogue.briefs[near],
            round(float(score), 4),
            _reason(view, row, int(near)),
        )
        for place, (near, score) in enumerate(zip(rows, best, strict=True), 1)
    ]


def _history_of(row: int) -> History:
    return History(
        rows=np.array([row], np.int32),
        strengths=np.ones(1, np.float32),
        plays=np.ones(1, np.float32),
        disliked=np.empty(0, np.int32),
        listens=[],
    )


def _total(view: View, listener: Listener) -> Array:
    parts = collaborative(view, listener, Ask()) | content(view, listener, Ask())
    if not parts:
        return np.full(view.catalogue.size, np.nan, np.float32)
    return combine(parts, weights_for(parts, view.model), view.catalogue.size)


def _reason(view: View, row: int, near: int) -> Reason:
    catalogue, seed = view.catalogue, (view.catalogue.briefs[row].id,)
    if catalogue.artists[row] == catalogue.artists[near] != UNKNOWN:
        text = f"Also by {catalogue.briefs[near].artist}"
        return Reason(stage="content", text=text, seeds=seed)
    if view.model is not None and _played_together(view, row, near):
        text = f"Played by people who play “{catalogue.briefs[row].title}”"
        return Reason(stage="collaborative", text=text, seeds=seed)
    distance = np.abs(catalogue.features[:, row] - catalogue.features[:, near])
    agreement = np.where(np.isfinite(distance), AUDIO * (1 - distance), -1)
    best = np.argsort(-agreement, kind="stable")[:CLOSEST]
    features = tuple(FEATURES[i] for i in best if agreement[i] > 0)
    text = f"Sounds alike: {' and '.join(features)}" if features else "The same kind of music"
    return Reason(stage="content", text=text, seeds=seed, features=features)


def _played_together(view: View, row: int, near: int) -> bool:
    if view.model is None or row >= view.model.tracks:
        return False
    items = view.model.items
    neighbours = slice(items.indptr[row], items.indptr[row + 1])
    here = np.flatnonzero(items.indices[neighbours] == near)
    return bool(len(here) and items.values[neighbours][here[0]] > 0)
