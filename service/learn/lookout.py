"""Insights for whoever asks: made in a thread, at most twice a minute, since each reads a lot."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

from service.experiments.reports import KEPT_FOR
from service.learn.insights import BACK, Insights, Source, insights, lists_of, plays_of
from service.learn.live_quality import LiveQuality
from service.model.current import Current
from service.store import HourlyPlays, Store

Seen = Sequence[tuple[str, NDArray[np.int32]]]
"""Lists: who saw which rows of the catalogue."""


class Lookout:
    """The newest insights into what this process has sent."""

    def __init__(
        self,
        store: Store,
        current: Current,
        live: LiveQuality,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._current, self._live, self._clock = store, current, live, clock
        self._kept: Insights | None = None
        self._turn = asyncio.Lock()  # who comes meanwhile gets what is being made

    async def newest(self) -> Insights:
        """At most half a minute old.

        Raises:
            StoreUnavailable
        """
        async with self._turn:
            now = self._clock()
            if self._kept is None or now - self._kept.as_of >= KEPT_FOR:
                seen = self._live.seen
                self._kept = await look(self._store, self._current, seen, source="shown", now=now)
            return self._kept


async def look(
    store: Store, current: Current, seen: Callable[[], Seen], *, source: Source, now: datetime
) -> Insights:
    """Insights into the lists of `seen`, which is called in another thread.

    Raises:
        StoreUnavailable
    """
    hourly = await store.hourly_plays(now - BACK)
    return await anyio.to_thread.run_sync(partial(_work, current, seen, hourly, source, now))


def _work(
    current: Current, seen: Callable[[], Seen], hourly: HourlyPlays, source: Source, now: datetime
) -> Insights:
    found, model = seen(), current.model
    catalogue = current.catalogue  # after the model: it only grows, and has all tracks of that
    return insights(
        lists_of(found, catalogue.size),
        plays_of(hourly, catalogue, now=now),
        catalogue,
        model,
        source=source,
        as_of=now,
    )
