"""Knows a track before its listen counts: another process may have put it a moment ago."""

from collections.abc import Iterable, Sequence

from service.bus import Entry, ListenStored, TrackChanged
from service.model.current import Current
from service.store import Store


async def know(store: Store, current: Current, track_ids: Iterable[str]) -> None:
    """Have these tracks in the catalogue, if the store has them.

    Raises:
        StoreUnavailable
    """
    catalogue = current.catalogue
    if not catalogue.rows.keys() >= set(track_ids):
        tracks = await store.tracks(offset=catalogue.size)
        if tracks:
            current.add_tracks(tracks)


def tracks_of(entries: Sequence[Entry]) -> list[str]:
    """The tracks that these events are about."""
    found: list[str] = []
    for entry in entries:
        fact = entry.fact
        if isinstance(fact, ListenStored):
            found += [one.track_id for one in fact.listens]
        elif isinstance(fact, TrackChanged):
            found += [track.id for track in fact.tracks]
    return found
