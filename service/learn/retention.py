"""Listens are kept as long as the operator says; whoever loses some has a new rev."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service.bus import Bus, UserUpdated
from service.store import Store

EVERY = timedelta(hours=6)


class Retention:
    """Drops listens older than `days`; 0 keeps them for ever."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        days: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._bus, self._days, self._clock = store, bus, days, clock

    async def forget(self) -> None:
        """Drop what is too old, and tell whose lists and profiles that changes.

        Raises:
            StoreUnavailable
            BusUnavailable, Overloaded: it is dropped, but not everybody knows; caches find out.
        """
        if not self._days:
            return
        async for revs in self._store.forget_listens(self._clock() - timedelta(days=self._days)):
            for user_id, rev in revs.items():
                await self._bus.tell(UserUpdated(user_id, rev))
