"""Counts what is really shown: for the figures of this process, and for whoever learns prices.

The fit sees every listener once; in service some ask all day and tastes move. The learner hears of
every list (`service.learn.exposure_log`), and its prices take a step towards the shares that were
wanted (`service.learn.pricing`): a track which is shown too much gets dearer and is shown less,
without a refit.
"""

import anyio.to_thread
import structlog

from service.learn.exposure_log import ExposureLog
from service.learn.live_quality import LiveQuality
from service.learn.trial_log import TrialLog
from service.recommend.exposure import Shown
from service.watching import Watch

log = structlog.get_logger()

EVERY_S = 1.0


class Exposure:
    """The one who counts what this process has shown."""

    def __init__(
        self, shown: Shown, live: LiveQuality, told: ExposureLog, trials: TrialLog
    ) -> None:
        self._shown, self._live, self._told, self._trials = shown, live, told, trials
        self._watch = Watch(self.step, "what was shown")

    def fold(self) -> None:
        """Note everything that was shown since the last time."""
        sent = self._shown.take()
        self._told.note(sent)
        self._trials.note(sent)
        self._live.note([one for one in sent if one.way == "shown"])

    def watch(self) -> None:
        """Fold once a second from now on."""
        self._watch.start(EVERY_S)

    async def close(self) -> None:
        """Stop folding; what was shown last is still told."""
        if self._watch.running:
            await self._watch.close()
            await self.step()

    async def step(self) -> None:
        """Count, tell and keep what was shown since the last time."""
        try:
            await anyio.to_thread.run_sync(self.fold)  # a Gini of 1M tracks takes 60 ms
            await self._told.send()
            await self._trials.send()
        except Exception:  # figures that stand still are no reason to stop answering
            log.exception("could not count what was shown")
