"""How satisfied listeners say they are: mean ratings by period, as a metric."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service import metrics
from service.bus import ListenStored
from service.store import Store

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}


class Satisfaction:
    """Keeps the gauge true; a period without ratings has no sample rather than a zero."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store, self._clock = store, clock

    async def on_listen_stored(self, fact: ListenStored) -> None:
        """Heard on the bus: only ratings matter here."""
        if any(listen.rating is not None for listen in fact.listens):
            await self.refresh()

    async def refresh(self) -> None:
        """Read the means anew: time passes even when nobody rates."""
        now = self._clock()
        for period, length in PERIODS.items():
            mean = await self._store.mean_rating(now - length)
            if mean is None:
                metrics.SATISFACTION.remove_by_labels({"time_period": period})
            else:
                metrics.SATISFACTION.labels(period).set(mean)
