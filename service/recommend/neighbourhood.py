"""Users near a user: cosine of what they like."""

import asyncio

import anyio.to_thread
import numpy as np
from msgspec import Struct, structs

from core.neighbours import cosine
from core.topk import topk
from service.errors import ModelNotReady, UnknownUser
from service.model.current import Current
from service.model.version import Model
from service.profile.history import NEWEST, History, fold
from service.store import Store

MIN_OVERLAP = 2
"""Tracks in common before two users are compared: one shared hit says nothing."""


class SimilarUser(Struct, frozen=True):
    """One place on the list."""

    rank: int
    user_id: str
    score: float


class SimilarUsersPage(Struct, frozen=True):
    """The answer of GET /v1/users/{id}/similar."""

    user_id: str
    similar: list[SimilarUser]


class Neighbourhood:
    """Compares a listener's history of this moment with everybody's as of the last fit."""

    def __init__(self, store: Store, current: Current) -> None:
        self._store, self._current = store, current

    async def of(self, user_id: str, *, limit: int, least: float) -> SimilarUsersPage:
        """At most `limit` users with a cosine of `least` or more, nearest first.

        Raises:
            UnknownUser, ModelNotReady
        """
        view = self._current.view()
        if await self._store.user(user_id) is None:
            raise UnknownUser(f"there is no user {user_id!r}")
        if view.model is None:
            raise ModelNotReady("no model has been fitted yet: POST /v1/models starts a fit")
        history = fold(await self._store.recent(user_id, NEWEST), view.catalogue)
        found = await anyio.to_thread.run_sync(_nearest, view.model, history, user_id, limit, least)
        known = await asyncio.gather(*(self._store.user(one.user_id) for one in found))
        there = [one for one, user in zip(found, known, strict=True) if user]  # not erased since
        ranked = [structs.replace(one, rank=place) for place, one in enumerate(there, 1)]
        return SimilarUsersPage(user_id, ranked)


def _nearest(
    model: Model, history: History, user_id: str, limit: int, least: float
) -> list[SimilarUser]:
    rows, strengths = history.liked_rows, history.liked_strengths
    within = rows < model.tracks
    if not within.any() or not model.listeners.ids:
        return []
    listeners = model.listeners
    scores = cosine(
        listeners.by_track,
        listeners.norms,
        rows[within],
        strengths[within],
        min_overlap=MIN_OVERLAP,
    )
    alike = (scores >= least) & (scores > 0)
    scores = np.where(alike, scores, -np.inf).astype(np.float32)
    best = zip(*topk(scores, k=limit + 1), strict=True)  # one more: the user themselves
    others = [(listeners.ids[row], score) for row, score in best if listeners.ids[row] != user_id]
    return [
        SimilarUser(place, other, round(min(float(score), 1.0), 4))
        for place, (other, score) in enumerate(others[:limit], 1)
    ]
