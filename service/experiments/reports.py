"""Reports for whoever asks; made at most twice a minute, since each reads a lot."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service.experiments.gathering import look_at
from service.experiments.lifecycle import find
from service.experiments.report import Report
from service.model.current import Current
from service.store import Store

KEPT_FOR = timedelta(seconds=30)
MOST_KEPT = 100


class Reports:
    """The newest report of each experiment."""

    def __init__(
        self,
        store: Store,
        current: Current,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._current, self._clock = store, current, clock
        self._kept: dict[str, tuple[int, Report]] = {}  # with the rev of the experiment
        self._turn = asyncio.Lock()  # one at a time: each takes what memory it likes

    async def of(self, name: str) -> Report:
        """The report of this experiment, at most half a minute old.

        Raises:
            UnknownExperiment, StoreUnavailable
        """
        async with self._turn:
            experiment = await find(self._store, name)
            rev, kept = self._kept.get(name, (-1, None))
            now = self._clock()
            if kept is not None and rev == experiment.rev and now - kept.as_of < KEPT_FOR:
                return kept
            made = await look_at(self._store, self._current.catalogue, experiment, now=now)
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[name] = experiment.rev, made
            return made
