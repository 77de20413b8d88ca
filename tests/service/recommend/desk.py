"""A recommender and everything behind it, in the small world."""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import Listen, Track
from service.model.current import Current
from service.recommend.ask import Ask
from service.recommend.fallback import Fallback
from service.recommend.page import Page
from service.recommend.recommender import Recommender
from tests import worlds
from tests.service.given import NOON, model


class Desk:
    """Over a store of the test's own."""

    def __init__(self, store: Any, *, tracks: Sequence[Track] | None = None, **options) -> None:
        self.store, self.revs, self.current = store, Revs(), Current(lambda: NOON)
        self.current.add_tracks(list(worlds.tracks() if tracks is None else tracks))
        if tracks is None:
            self.current.model = model(self.current.catalogue)
        self.cache = TwoLevel(1 << 22, self.revs)
        self.fallback = Fallback(store, self.current, clock=lambda: NOON)
        defaults: dict[str, Any] = {
            "timeout_s": 5.0,
            "clock": lambda: NOON,
            "fallback": self.fallback,
        }
        self.recommender = Recommender(store, self.current, self.cache, **(defaults | options))

    async def ask(self, user_id: str = "jazz-u0", **asked) -> tuple[Page, str]:
        answer, source = await self.recommender.for_user(user_id, Ask(**asked))
        return msgspec.json.decode(answer.body, type=Page), source

    async def add(self, *listens: Listen) -> None:
        appended = await self.store.append(listens)
        for user_id, rev in appended.revs.items():
            await self.cache.note(user_id, rev)
