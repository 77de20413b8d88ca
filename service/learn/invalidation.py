"""What facts do to the memory of this process: nothing built on the old state is served again."""

from service.bus import ModelPublished, TrackChanged, UserUpdated
from service.cache.two_level import TwoLevel
from service.model.current import Current


class Invalidation:
    """Hears facts on the bus and brings the serving state up to date."""

    def __init__(self, current: Current, cache: TwoLevel) -> None:
        self._current, self._cache = current, cache

    async def on_track_changed(self, fact: TrackChanged) -> None:
        """The next catalogue edition; every cache key changes with it."""
        self._current.add_tracks(fact.tracks)
        await self._cache.announce()

    async def on_model_published(self, _fact: ModelPublished) -> None:
        """Serving here already; the other processes have to load it."""
        await self._cache.announce()

    async def on_user_updated(self, fact: UserUpdated) -> None:
        """Lists built from an older rev are served no more, here at once and elsewhere soon."""
        await self._cache.note(fact.user_id, fact.rev)
