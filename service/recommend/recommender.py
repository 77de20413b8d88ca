"""One request in, one encoded answer out: cached when nothing changed, else from the pipeline.

When the store or the time for it is missing, the ladder of `fallback` has an answer all the same.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from math import inf
from time import monotonic

import msgspec

from service import deadline, metrics, request_id
from service.bus import Trace, Traces
from service.cache.answer import Answer
from service.cache.keys import recommendations_key
from service.cache.two_level import Source, TwoLevel
from service.domain import Listen, Strategy, User
from service.errors import Unavailable
from service.experiments.arms import NO_ARMS, Arms
from service.experiments.running import Running, traits_of
from service.model.current import Current, View
from service.profile.history import NEWEST, fold
from service.recommend.addressed import NOBODY, address, blank
from service.recommend.ask import Ask, Listener
from service.recommend.exposure import Showing, Shown, Way
from service.recommend.fallback import Fallback
from service.recommend.page import Page, list_id
from service.recommend.pipeline import Ranking, rank
from service.recommend.places import Places
from service.recommend.retrieval import STRATEGIES, Score
from service.recommend.tracing import asked, computed
from service.recommend.tuning import PLAIN, tuning_of
from service.spans import span
from service.store import Store
from service.store.reads import Reads

FRESH_S, STALE_S = 900.0, 300.0
DEGRADED_S = 5.0
"""A list that lacks a strategy, or is popular for a known user, is worth retrying soon."""
LEAST_S = 0.005
"""What ranking takes when all is well; with less time than that it is not begun."""
UNHURRIED_S = 5.0
"""For the store where no setting says otherwise: outside a server nobody counts milliseconds."""
NOBODYS_REV = 1
NOBODY_USER = User(id=NOBODY, rev=NOBODYS_REV)


class Recommender:
    """Answers for everybody, from this process."""

    def __init__(
        self,
        store: Store,
        current: Current,
        cache: TwoLevel,
        *,
        timeout_s: float,
        balance: float = 0.0,
        shown: Shown | None = None,
        traces: Traces | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        strategies: Mapping[Strategy, Score] = STRATEGIES,
        reads: Reads | None = None,
        fallback: Fallback | None = None,
        running: Running | None = None,
    ) -> None:
        self._current, self._cache = current, cache
        self._running = running or Running(store, clock=clock)
        self._reads = reads or Reads(store, budget_s=UNHURRIED_S)
        self._fallback = fallback or Fallback(store, current, clock=clock)
        self._timeout_s, self._clock, self._strategies = timeout_s, clock, strategies
        self._balance, self._shown, self._traces = balance, shown or Shown(), traces
        self._places = Places()
        self._encode = msgspec.json.Encoder().encode

    def question(self, ask: Ask) -> str:
        """An ask as part of a cache key, with what the settings say where it says nothing."""
        return ask.of(NO_ARMS, PLAIN, balance=self._balance).key

    def kept(self, user_id: str, question: str) -> Answer | None:
        """The list that is kept here and beyond doubt, if there is one."""
        arms = self._running.arms(user_id)
        if arms is None:
            return None
        key = recommendations_key(user_id, self._current.view().stamp, question + arms.key)
        return self._cache.hit(user_id, key)

    def at_hand(self, user_id: str, question: str) -> bool:
        """Whether this list, or an older one, is kept, or is being made already."""
        arms = self._arms(user_id)
        key = recommendations_key(user_id, self._current.view().stamp, question + arms.key)
        return self._cache.at_hand(user_id, key)

    async def for_user(self, user_id: str, ask: Ask) -> tuple[Answer, Source]:
        """The encoded list, and where it came from; never an error, whatever is down."""
        arms, view = await self.arms(user_id), self._current.view()
        question, ask = self._settled(ask, arms)
        key = recommendations_key(user_id, view.stamp, question)
        if (kept := self._cache.hit(user_id, key)) is not None:
            return kept, "local"
        try:
            # Whoever waits may leave in time; the work goes on for the next who asks.
            async with asyncio.timeout(_patience()):
                load = partial(self._load, user_id, view, ask)
                with span("cache"):
                    served = await self._cache.get(user_id, key, load)
                return served or await self._for_stranger(user_id, view, ask, question)
        except (Unavailable, TimeoutError):
            kept = self._cache.whatever(user_id, key)
            return self._fallback.answer(user_id, view, ask, kept)

    async def warm(self) -> None:
        """Make a list that nobody is sent, before anybody asks.

        What is loaded and prepared once takes 0.1 s, more than a request may: the first who asked
        would get what everybody plays.
        """
        view, now = self._current.view(), self._clock()
        liked = [
            Listen(user_id=NOBODY, track_id=one.id, at=now) for one in view.catalogue.briefs[:3]
        ]
        somebody = Listener(NOBODY_USER, fold(liked, view.catalogue), now)
        _, ask = self._settled(Ask(), NO_ARMS)
        await rank(view, somebody, ask, timeout_s=UNHURRIED_S, strategies=self._strategies)

    def instead(self, user_id: str, ask: Ask) -> tuple[Answer, Source]:
        """What is there without work, for when no more lists can be made; nobody waits for it."""
        view, (question, ask) = self._current.view(), self._settled(ask, self._arms(user_id))
        kept = self._cache.whatever(user_id, recommendations_key(user_id, view.stamp, question))
        return self._fallback.answer(user_id, view, ask, kept)

    def _settled(self, ask: Ask, arms: Arms) -> tuple[str, Ask]:
        """The ask as part of a cache key, and with all that settings and variants say.

        The key is made of what was asked and of the arms' names, not of what they change: `kept`
        finds a list without reading their settings.
        """
        question = self.question(ask) + arms.key
        return question, ask.of(arms, tuning_of(arms.settings), balance=self._balance)

    def _arms(self, user_id: str) -> Arms:
        arms = self._running.arms(user_id)
        return self._running.without_asking(user_id) if arms is None else arms

    async def arms(self, user_id: str) -> Arms:
        """The variants that a list of this user would be made in now."""
        return self._running.arms(user_id) or await self._placed(user_id)

    async def _placed(self, user_id: str) -> Arms:
        """The arms of somebody whose traits an audience asks for; in doubt they are in none."""
        try:
            known = await self._reads.listener(user_id, 1)
        except Unavailable:
            return self._running.without_asking(user_id)
        return self._running.place(user_id, traits_of(known[0]) if known else {})

    def sent(
        self, user_id: str, ask: Ask, answer: Answer, way: Way = "shown", *, took_s: float = 0.0
    ) -> None:
        """Whoever sends an answer says so here; what is only made ahead was shown to nobody."""
        variants = self._arms(user_id).variants
        self._shown.add(
            Showing(
                *(user_id, ask.strategy, answer.tag, answer.rows, way),
                chances=answer.chances,
                variants=variants,
                at=self._clock(),
                took_s=took_s,
            )
        )

    def _tell(self, *traces: Trace) -> None:
        if self._traces is not None:
            self._traces.tell(*traces)

    async def _load(self, user_id: str, view: View, ask: Ask) -> Answer | None:
        work = partial(self._make_for, user_id, view, ask)
        return await self._places.work(work, least_s=LEAST_S)

    async def _make_for(self, user_id: str, view: View, ask: Ask) -> Answer | None:
        """The list of a user the store knows.

        The rev is read before the listens, so a list may be newer than its rev, never older.

        Raises:
            StoreUnavailable, OutOfTime
        """
        with span("store.read"):
            known = await self._reads.listener(user_id, NEWEST)
        if known is None:
            return None
        return await self._make(view, *known, ask)

    async def _for_stranger(
        self, user_id: str, view: View, ask: Ask, question: str
    ) -> tuple[Answer, Source]:
        """What everybody gets of whom nothing is known, with this user's name on it.

        One list is kept for all of them in the same variants, so that strangers take no room from
        anybody.
        """
        key = recommendations_key(NOBODY, view.stamp, question)
        served = await self._cache.get(NOBODY, key, partial(self._make_for_nobody, view, ask))
        if served is None:
            raise AssertionError("there is always a list for nobody")
        answer, source = served
        return address(answer, user_id), source

    async def _make_for_nobody(self, view: View, ask: Ask) -> Answer:
        return blank(await self._make(view, NOBODY_USER, [], ask))

    async def _make(self, view: View, user: User, listens: list[Listen], ask: Ask) -> Answer:
        """All of it as of one moment, which the answer names: it can be made again."""
        now = self._clock()
        listener = Listener(user, fold(listens, view.catalogue), now)
        deadline.need(LEAST_S)
        deadline.count_late()
        start, request = monotonic(), request_id.current()
        self._tell(*asked(request, user.id, ask, at=now))
        timeout_s = min(self._timeout_s, deadline.left())
        with span("recommend", algorithm=ask.strategy):
            ranking = await rank(
                view, listener, ask, timeout_s=timeout_s, strategies=self._strategies
            )
        version = view.model.version if view.model else "none"
        page = _page(listener, ranking, now, version, ask.arms)
        body = self._encode(page)
        made = monotonic()
        self._tell(computed(request, page, took_s=made - start))
        metrics.GENERATION_SECONDS.labels(ask.strategy, page.tier).observe(made - start)
        degraded = _degraded(listener, ranking)
        return Answer(
            body=body,
            tag=page.list_id,
            rows=ranking.rows,
            chances=ranking.chances,
            rev=listener.user.rev,
            made=made,
            cost_s=made - start,
            fresh_s=DEGRADED_S if degraded else FRESH_S,
            stale_s=0.0 if degraded else STALE_S,
        )


def _patience() -> float | None:
    left = deadline.left()
    return None if left == inf else left


def _page(listener: Listener, ranking: Ranking, now: datetime, version: str, arms: Arms) -> Page:
    user_id = listener.user.id
    return Page(
        user_id=user_id,
        list_id=list_id(user_id, now, ranking.recommendations),
        tier=ranking.tier,
        generated_at=now,
        model_version=version,
        variants=dict(arms.variants),
        strategies=ranking.strategies,
        recommendations=ranking.recommendations,
    )


def _degraded(listener: Listener, ranking: Ranking) -> bool:
    incomplete = any(outcome in ("failed", "late") for outcome in ranking.strategies.values())
    return incomplete or (ranking.tier == "popular" and listener.known)
