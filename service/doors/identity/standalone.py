"""A resolver for a process that serves nobody: an import, a dry run, an operator at the shell."""

from service.bus import Bus, TrackChanged
from service.doors.identity.resolver import Resolver
from service.learn.shelf import Shelf
from service.model.catalogue import empty_catalogue
from service.store import Store


async def standalone_resolver(store: Store, shelf: Shelf, bus: Bus) -> Resolver:
    """Over the catalogue as the store has it now, and whatever is put on the shelf from now on.

    Raises:
        StoreUnavailable
    """
    catalogue = empty_catalogue().with_tracks(await store.tracks())

    async def follow(fact: TrackChanged) -> None:
        nonlocal catalogue
        catalogue = catalogue.with_tracks(fact.tracks)

    bus.subscribe(TrackChanged, follow)
    return Resolver(store, shelf, lambda: catalogue)
