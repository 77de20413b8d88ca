"""One request in, one encoded answer out: cached when nothing changed, else from the pipeline."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from time import monotonic, perf_counter

import msgspec
import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from service import metrics
from service.base62 import base62
from service.cache.keys import recommendations_key
from service.cache.local import LocalCache
from service.cache.revs import Revs
from service.domain import Recommendation, Strategy, Tier, User
from service.model.current import Current, View
from service.profile.history import NEWEST, fold
from service.recommend.ask import Ask, Listener
from service.recommend.exposure import Shown
from service.recommend.pipeline import Ranking, rank
from service.recommend.retrieval import STRATEGIES, Outcome, Score
from service.store import Store

FRESH_S = 300.0
DEGRADED_S = 5.0
"""A list that lacks a strategy, or is popular for a known user, is worth retrying soon."""
UNKNOWN = 0
"""The rev of a user nobody has heard of; real revs start at 1."""


class Page(Struct, frozen=True):
    """The answer of GET /v1/users/{id}/recommendations; best first."""

    user_id: str
    list_id: str
    tier: Tier
    generated_at: datetime
    model_version: str
    variants: dict[str, str]
    strategies: dict[str, Outcome]
    recommendations: list[Recommendation]


class Answer(Struct, frozen=True):
    """An encoded page, and what its headers need."""

    body: bytes
    list_id: str
    made: float  # monotonic seconds
    rows: NDArray[np.int32]  # of the catalogue, best first

    @property
    def age_s(self) -> int:
        """Whole seconds since it was made."""
        return int(monotonic() - self.made)


class Recommender:
    """Answers for everybody, from this process."""

    def __init__(
        self,
        store: Store,
        current: Current,
        cache: LocalCache[Answer],
        revs: Revs,
        *,
        timeout_s: float,
        balance: float = 0.0,
        shown: Shown | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        strategies: Mapping[Strategy, Score] = STRATEGIES,
    ) -> None:
        self._store, self._current, self._cache, self._revs = store, current, cache, revs
        self._timeout_s, self._clock, self._strategies = timeout_s, clock, strategies
        self._balance, self._shown = balance, shown or Shown()
        self._encode = msgspec.json.Encoder().encode

    async def for_user(self, user_id: str, ask: Ask) -> tuple[Answer, str]:
        """The encoded list, and where it came from: "local" or "miss".

        The rev is read before the listens, so a list may be newer than its key, never older.
        """
        if ask.balance is None:
            ask = structs.replace(ask, balance=self._balance)
        answer, source = await self._answer(user_id, ask)
        self._shown.add(answer.rows)
        return answer, source

    async def _answer(self, user_id: str, ask: Ask) -> tuple[Answer, str]:
        view = self._current.view()
        rev = self._revs.get(user_id)
        user = None
        if rev is None:
            as_of = self._revs.forgotten
            user = await self._store.user(user_id)
            rev = user.rev if user else UNKNOWN
            if user:
                self._revs.learn(user_id, rev, as_of=as_of)
        key = recommendations_key(user_id, rev, view.stamp, ask.key)
        if (answer := self._cache.get(key)) is not None:
            return answer, "local"
        if user is None and rev != UNKNOWN:
            user = await self._store.user(user_id)
        listens = await self._store.recent(user_id, NEWEST) if user else []
        history = fold(listens, view.catalogue)
        listener = Listener(user or User(id=user_id), history, self._clock())
        answer, ttl_s = await self._make(view, listener, ask)
        self._cache.put(key, answer, weight=len(answer.body), ttl_s=ttl_s)
        return answer, "miss"

    async def _make(self, view: View, listener: Listener, ask: Ask) -> tuple[Answer, float]:
        start = perf_counter()
        ranking = await rank(
            view, listener, ask, timeout_s=self._timeout_s, strategies=self._strategies
        )
        page = _page(listener, ranking, self._clock(), view.model.version if view.model else "none")
        tracks = (view.catalogue.rows[one.track.id] for one in page.recommendations)
        rows = np.fromiter(tracks, np.int32, len(page.recommendations))
        answer = Answer(self._encode(page), page.list_id, monotonic(), rows)
        spent = metrics.GENERATION_SECONDS.labels(ask.strategy, page.tier)
        spent.observe(perf_counter() - start)
        return answer, DEGRADED_S if _degraded(listener, ranking) else FRESH_S


def _page(listener: Listener, ranking: Ranking, now: datetime, version: str) -> Page:
    user_id = listener.user.id
    parts = [user_id, now.isoformat(), *(one.track.id for one in ranking.recommendations)]
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return Page(
        user_id=user_id,
        list_id=base62(digest),
        tier=ranking.tier,
        generated_at=now,
        model_version=version,
        variants={},
        strategies=ranking.strategies,
        recommendations=ranking.recommendations,
    )


def _degraded(listener: Listener, ranking: Ranking) -> bool:
    incomplete = any(outcome in ("failed", "late") for outcome in ranking.strategies.values())
    return incomplete or (ranking.tier == "popular" and listener.known)
