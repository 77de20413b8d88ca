"""The one way in for tracks: store, then tell this process in row order, then everybody."""

import asyncio
from collections.abc import Sequence

from service.bus import Bus, TrackChanged
from service.domain import Track
from service.store import Store


class Shelf:
    """Puts tracks into the catalogue."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store, self._bus = store, bus
        self._one_at_a_time = asyncio.Lock()  # rows in memory must follow rows in the store

    async def put(self, tracks: Sequence[Track]) -> list[bool]:
        """Insert or replace; False where the same track was already there unchanged.

        Everybody is told of all of them: who puts again may do so because nobody was told.

        Raises:
            StoreUnavailable, BusUnavailable, Overloaded: putting the same again is harmless.
        """
        async with self._one_at_a_time:
            changed = await self._store.put_tracks(tracks)
            new = [track for track, is_new in zip(tracks, changed, strict=True) if is_new]
            if new:
                await self._bus.publish(TrackChanged(new))
            if tracks:
                await self._bus.send(TrackChanged(list(tracks)))
        return changed
