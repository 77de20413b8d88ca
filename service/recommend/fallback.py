"""The lists for bad times: what was kept, what people alike like, what everybody plays.

Nothing here waits or reads: all three are in memory. The last two are made again every few minutes
and one of each is asked for then, so that no list is tried for the first time when it is needed.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, time

import anyio.to_thread
import msgspec
import numpy as np
import structlog
from msgspec import structs

from service import metrics
from service.cache.answer import Answer
from service.cache.two_level import Source
from service.domain import Demographics, Reason, Recommendation, Tier
from service.errors import Unavailable
from service.model.current import Current, View
from service.recommend.addressed import NOBODY, address, blank
from service.recommend.ask import Ask
from service.recommend.page import Page, list_id
from service.recommend.segments import LONGEST, Rows, Segments, divide, popular
from service.store import Store

log = structlog.get_logger()

EVERY_S = 300.0
TOLD_EVERY = 12
"""Of those, one reading of what listeners told about themselves: an hour."""
AT_ONCE = 500
"""Users per batch: a millisecond of the event loop."""
PAGE_S, MOST_PAGES = 10.0, 1_000
PERSONAL, STALE = b'"tier":"personal"', b'"tier":"stale"'
REASONS: dict[Tier, Reason] = {
    "segment": Reason(stage="segment", text="Liked by people like you"),
    "popular": Reason(stage="trending", text="Popular now"),
}


class Fallback:
    """Three steps down from a personal list; there is always an answer."""

    def __init__(
        self,
        store: Store,
        current: Current,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._current, self._clock = store, current, clock
        self._segments: Segments | None = None
        self._popular: Rows | None = None
        self._pages: dict[tuple[int, str, str], tuple[Rows, Answer]] = {}
        self._told: dict[str, Demographics] = {}
        self._divided = ""  # the version of the model that the segments are of
        self._encode = msgspec.json.Encoder().encode
        self._watching: asyncio.Task[None] | None = None

    def answer(
        self, user_id: str, view: View, ask: Ask, kept: Answer | None
    ) -> tuple[Answer, Source]:
        """The best that is there: `kept` if it is a personal list, else a list made on the spot."""
        if kept is not None and PERSONAL in kept.body:
            metrics.FALLBACKS.labels("stale").inc()
            return _as_stale(kept), "local"
        rows = self._segments.rows(user_id) if self._segments is not None else None
        tier: Tier = "popular" if rows is None else "segment"
        metrics.FALLBACKS.labels(tier).inc()
        rows = self._rows(view) if rows is None else rows
        return address(self._page(view, ask, tier, rows), user_id), "miss"

    async def refresh(self, *, ask_store: bool = True) -> None:
        """Make the lists of the second and third step again, and try one of each.

        Raises:
            StoreUnavailable: what listeners told cannot be read; the lists are made without.
        """
        try:
            if ask_store:
                self._told = await self._read_told()
        finally:
            view, year, told = self._current.view(), self._clock().year, self._told
            if ask_store or self._version() != self._divided:  # likes are those of the last fit
                self._divided = view.model.version if view.model else ""
                self._segments = await anyio.to_thread.run_sync(
                    lambda: divide(view, told, year=year)
                )
            self._popular = await anyio.to_thread.run_sync(_popular_now, view)
            self.check()

    def check(self) -> None:
        """Ask for one list of each kind, as a request in bad times would.

        Raises:
            AssertionError: a list is no list.
        """
        view = self._current.view()
        some = self._segments.ids[:1] if self._segments is not None else []
        for user_id in ("-", *some):
            answer, _ = self.answer(user_id, view, Ask(), None)
            page = msgspec.json.decode(answer.body, type=Page)
            if not page.recommendations and not view.catalogue.explicit.all():
                raise AssertionError(f"the {page.tier} list for bad times is empty")
        metrics.FALLBACK_CHECKED.set(time())

    def watch(self) -> None:
        """Make the lists again from time to time."""
        self._watching = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        turn = 0
        while True:
            try:
                await self.refresh(ask_store=turn % TOLD_EVERY == 0)
            except Unavailable as error:
                log.warning("lists for bad times lack what users told", reason=str(error))
            except Exception:  # a watcher that ends silently would let the lists grow old
                log.exception("lists for bad times could not be made")
            version, waited = self._version(), 0.0
            while waited < EVERY_S and version == self._version():
                await asyncio.sleep(1.0)
                waited += 1.0
            turn += 1

    def _version(self) -> str:
        return self._current.model.version if self._current.model else ""

    async def _read_told(self) -> dict[str, Demographics]:
        told: dict[str, Demographics] = {}
        nothing = Demographics()
        async for users in self._store.users(batch=AT_ONCE):
            told |= {user.id: user.demographics for user in users if user.demographics != nothing}
        return told

    def _rows(self, view: View) -> Rows:
        if self._popular is None or not self._popular.size:  # not made yet, or of no catalogue
            self._popular = _popular_now(view)
        return self._popular

    def _page(self, view: View, ask: Ask, tier: Tier, rows: Rows) -> Answer:
        """The same for all who get these rows, so it is made once in ten seconds: 0.2 ms."""
        key = (id(rows), ask.key + ask.arms.key, view.stamp)
        of, page = self._pages.get(key, (None, None))
        if page is None or of is not rows or page.made < monotonic() - PAGE_S:
            if len(self._pages) >= MOST_PAGES:
                self._pages.clear()
            page = blank(self._made(view, ask, tier, rows))
            self._pages[key] = rows, page
        return page

    def _made(self, view: View, ask: Ask, tier: Tier, rows: Rows) -> Answer:
        start, now, briefs = monotonic(), self._clock(), view.catalogue.briefs
        unwanted = set(ask.exclude)
        shown = [row for row in rows.tolist() if row < len(briefs)]
        shown = [row for row in shown if briefs[row].id not in unwanted][: ask.limit]
        reason = REASONS[tier] if ask.explain else None
        recommendations = [
            Recommendation(place, briefs[row], round(1 - (place - 1) / LONGEST, 4), reason)
            for place, row in enumerate(shown, 1)
        ]
        page = Page(
            user_id=NOBODY,
            list_id=list_id(NOBODY, now, recommendations),
            tier=tier,
            generated_at=now,
            model_version=view.model.version if view.model else "none",
            variants=dict(ask.arms.variants),
            strategies=dict.fromkeys(ask.strategies, "skipped"),
            recommendations=recommendations,
        )
        made = monotonic()
        return Answer(
            body=self._encode(page),
            tag=page.list_id,
            rows=np.array(shown, np.int32).tobytes(),
            rev=0,
            made=made,
            cost_s=made - start,
            fresh_s=0.0,  # nobody keeps it: the next request may find all well
            stale_s=0.0,
        )


def _popular_now(view: View) -> Rows:
    return popular(view, view.trending) if view.catalogue.size else np.empty(0, np.int32)


def _as_stale(kept: Answer) -> Answer:
    """The same list, which says that it is an old one."""
    body = kept.body.replace(PERSONAL, STALE, 1)
    return structs.replace(kept, body=body, tag=f"{kept.tag}-stale")
