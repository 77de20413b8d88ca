"""Answers for one strategy alone, where it is a service of its own (`recommend.remote`)."""

from collections.abc import Callable
from datetime import UTC, datetime

import anyio.to_thread
import numpy as np

from service.domain import Strategy, User
from service.errors import UnknownStrategy
from service.model.current import Current, View
from service.profile.history import NEWEST, fold
from service.recommend.ask import Ask, Listener
from service.recommend.parts import Scores, dense
from service.recommend.remote import Said, StrategyQuestion, StrategyReply
from service.recommend.retrieval import STRATEGIES
from service.recommend.taste import likes_of, taste_of
from service.store.reads import Reads


class Strategist:
    """Runs a strategy for whoever asks by name, over this process's model and the store."""

    def __init__(
        self,
        reads: Reads,
        current: Current,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reads, self._current, self._clock = reads, current, clock

    async def answer(self, name: str, question: StrategyQuestion) -> StrategyReply:
        """The best tracks of each part; whoever the store does not know has played nothing.

        Raises:
            UnknownStrategy
            StoreUnavailable, OutOfTime
        """
        strategy = next((one for one in STRATEGIES if one == name), None)
        if strategy is None:
            raise UnknownStrategy(f"there is no strategy {name!r}: {', '.join(STRATEGIES)}")
        view = self._current.view()
        known = await self._reads.listener(question.user_id, NEWEST) if question.user_id else None
        user, listens = known or (User(id=question.user_id), [])
        listener = Listener(user, fold(listens, view.catalogue), self._clock())
        return await anyio.to_thread.run_sync(_say, strategy, view, listener, question)


def _say(
    name: Strategy, view: View, listener: Listener, question: StrategyQuestion
) -> StrategyReply:
    if name == "content":
        return StrategyReply(likes=likes_of(taste_of(view, listener), view.catalogue))
    parts = STRATEGIES[name](view, listener, Ask(context=question.context))
    return StrategyReply({part: _best(one, view, question.limit) for part, one in parts.items()})


def _best(scores: Scores, view: View, limit: int) -> Said:
    """The best are named, and the mean of all others stands for them."""
    every = dense(scores, view.catalogue.size)
    spoken = np.flatnonzero(np.isfinite(every))
    order = np.argsort(-every[spoken], kind="stable")
    best, others = spoken[order[:limit]], spoken[order[limit:]]
    return Said(
        [view.catalogue.briefs[row].id for row in best.tolist()],
        every[best].astype(float).tolist(),
        float(every[others].mean()) if others.size else None,
    )
