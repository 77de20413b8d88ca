"""The one way in for tracks: store, then tell the bus, in row order."""

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
        """Insert or replace; False where the same track was already there unchanged."""
        async with self._one_at_a_time:
            changed = await self._store.put_tracks(tracks)
            new = [track for track, is_new in zip(tracks, changed, strict=True) if is_new]
            if new:
                await self._bus.publish(TrackChanged(new))
        return changed
