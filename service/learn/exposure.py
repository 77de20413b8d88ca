"""Keeps prices in step with what is really shown.

The fit sees every listener once; in service some ask all day and tastes move. So what was shown is
counted, and at most once a second the prices take a step towards the shares that were wanted: a
track which is shown too much gets dearer and is shown less, without a refit.
"""

import asyncio

import anyio.to_thread
import numpy as np
import structlog

from core.exposure import adjust, pace
from service.learn.exposure_log import ExposureLog
from service.learn.live_quality import LiveQuality
from service.model.current import Current, LivePrices
from service.recommend.exposure import Shown, times_shown

log = structlog.get_logger()

EVERY_S = 1.0


class Exposure:
    """The one who counts what was shown, and the one owner of this process's prices."""

    def __init__(
        self, current: Current, shown: Shown, live: LiveQuality, told: ExposureLog
    ) -> None:
        self._current, self._shown, self._live, self._told = current, shown, live, told
        self._watching: asyncio.Task[None] | None = None

    def fold(self) -> None:
        """Take one step for everything shown since the last; the result serves at once.

        A price is also pulled towards the fitted one, as far as the step is long: a track shown
        twice its share for ever settles one best score above it, and tracks that nobody can be
        shown never drive all the others to the limit.
        """
        sent = self._shown.take()
        self._told.note(sent)
        showings = [one for one in sent if one.way == "shown"]
        self._live.note(showings)
        model = self._current.model
        if model is None or model.prices is None:
            return
        shown = times_shown(showings, model.tracks)
        if not shown.any():
            return
        fitted, live = model.prices.values, self._current.prices
        prices = live.values if live and live.version == model.version else fitted
        step = pace(shown)
        moved = adjust(prices, shown, model.prices.shares, step=step)
        moved += np.float32(step) * (fitted - moved)
        self._current.prices = LivePrices(model.version, moved)

    def watch(self) -> None:
        """Fold once a second from now on."""
        self._watching = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop folding; what was shown last is still told."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            await self._step()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self._step()

    async def _step(self) -> None:
        try:
            await anyio.to_thread.run_sync(self.fold)  # 60 ms for 1M tracks
        except Exception:  # prices that stand still are no reason to stop answering
            log.exception("could not adjust prices")
        await self._told.send()
