"""From the store into memory: at start, and when another process has written to the same store."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from service.cache.two_level import TwoLevel
from service.errors import Unavailable
from service.learn.satisfaction import Satisfaction
from service.learn.trainer import Trainer
from service.model.current import Current
from service.model.trending import WINDOW, Trending
from service.store import Store

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
SATISFACTION_EVERY = 60
UNTOLD_EVERY = 60
"""Seconds between two looks for what nobody told: other processes announce their changes."""
PATIENCE = 4
"""Looks until what was not told by then counts as told by nobody: under load a word takes long."""


class Refresh:
    """Keeps catalogue and model of this process in step with the store.

    What trends is counted once, at start: from there on it is the learner's. `news` is called when
    another process has written.
    """

    def __init__(
        self,
        store: Store,
        current: Current,
        trainer: Trainer,
        cache: TwoLevel,
        *,
        satisfaction: Satisfaction,
        news: Callable[[], object] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._current, self._trainer, self._cache = store, current, trainer, cache
        self._satisfaction, self._news, self._clock = satisfaction, news, clock
        self._watching: asyncio.Task[None] | None = None
        self._number: int | None = None  # of the newest write a moment ago, while it is asked for

    async def load(self) -> None:
        """Read everything that requests need; what was read before is replaced."""
        await self._reload()
        await self._load_trending()

    async def _reload(self) -> None:
        await self._store.changed_elsewhere()  # what is written from here on is news
        number = await self._store.last_number()
        if number is not None:
            self._cache.count_from(number)
        await self._read_tracks()
        await self._satisfaction.refresh()
        await self._trainer.resume()

    async def _read_tracks(self) -> None:
        """In a thread: 100,000 of them kept the loop for 3 s."""
        before = self._current.catalogue
        news = await self._store.tracks()
        if before.size:
            news = await asyncio.to_thread(before.unlike, news)
        now = self._current.catalogue
        if now is not before:  # what was put here meanwhile is newer than what was read
            news = [one for one in news if now.digest(one.id) == before.digest(one.id)]
        if news:
            self._current.add_tracks(news)

    async def _load_trending(self) -> None:
        now = self._clock()
        trending = Trending(now)
        plays = await self._store.hourly_plays(now - WINDOW)
        rows = ((self._current.catalogue.row(track_id), at, count) for track_id, at, count in plays)
        trending.add((row, at, count) for row, at, count in rows if row is not None)
        self._current.trending = trending

    def watch(self) -> None:
        """Look every second whether somebody else wrote: an import next to a running server."""
        self._watching = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _missed(self, second: int, *, changed: bool) -> bool:
        """Whether those who tell whom they change have left somebody out; a look a minute."""
        looks = (second + 1) % UNTOLD_EVERY
        if looks == 0:
            self._number = await self._store.last_number()
            return False
        if self._number is None:  # told of all, or a store that only says whether others wrote
            return looks == 1 and changed and self._cache.linked
        patient = looks < PATIENCE  # also while nobody tells: what was heard is let go
        told = self._cache.heard_all(self._number, patient=patient)
        if told or not patient:
            self._number = None
        return not (told or patient) and self._cache.linked

    async def _look(self) -> None:
        changed = told = gap = False  # heard of a change and could not read it yet
        seen = self._trainer.serving
        for second in itertools.count(1):
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                if second % SATISFACTION_EVERY == 0:
                    await self._satisfaction.refresh()
                changed |= await self._store.changed_elsewhere()
                told |= self._cache.take_news()
                gap |= await self._missed(second, changed=changed)
                untold = gap or (changed and not self._cache.linked)
                if untold:
                    self._cache.forget_all()
                if told or untold:
                    await self._reload()
                    self._news()
                    changed = told = gap = False
                published = await self._trainer.published()  # a fit writes no row
                again = second % UNTOLD_EVERY == 0 and published != self._trainer.serving
                if published != seen or again:
                    await self._trainer.resume()
                    seen = published
            except Unavailable as error:
                log.warning("could not look for changes", reason=str(error))
            except Exception:  # a watcher that ends silently would serve old data for ever
                log.exception("could not look for changes")
