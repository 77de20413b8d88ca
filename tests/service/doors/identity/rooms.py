"""A resolver over a store that forgets, and a catalogue that follows what is put on the shelf."""

from collections.abc import Sequence

from msgspec import Struct

from service.bus import Bus, TrackChanged
from service.domain import Track
from service.doors.identity import Resolver, Review
from service.learn.shelf import Shelf
from service.model.current import Current
from service.store.memory import MemoryStore


class Room(Struct, frozen=True):
    """What a test of identity needs."""

    store: MemoryStore
    current: Current
    resolver: Resolver
    review: Review


async def room(*tracks: Track) -> Room:
    """With these tracks in the catalogue."""
    store, bus, current = MemoryStore(), Bus(), Current()

    async def follow(fact: TrackChanged) -> None:
        current.add_tracks(fact.tracks)

    bus.subscribe(TrackChanged, follow)
    shelf = Shelf(store, bus)
    await shelf.put(tracks)
    resolver = Resolver(store, shelf, lambda: current.catalogue)
    return Room(store, current, resolver, Review(store, shelf, resolver))


def called(artists: Sequence[str], titles: Sequence[str]) -> list[Track]:
    """One track of each artist and title."""
    return [
        Track(id=f"c{a}t{t}", artist=artist, title=title)
        for a, artist in enumerate(artists)
        for t, title in enumerate(titles)
    ]
