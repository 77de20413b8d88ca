"""What facts do to the memory of this process: nothing built on the old state is served again."""

from service.bus import ListenStored, TrackChanged, UserUpdated
from service.cache.revs import Revs
from service.model.current import Current
from service.model.trending import trends


class Invalidation:
    """Hears facts on the bus and brings the serving state up to date."""

    def __init__(self, current: Current, revs: Revs) -> None:
        self._current, self._revs = current, revs

    async def on_track_changed(self, fact: TrackChanged) -> None:
        """The next catalogue edition; every cache key changes with it."""
        self._current.add_tracks(fact.tracks)

    async def on_listen_stored(self, fact: ListenStored) -> None:
        """Plays, likes and saves that have a time count towards trending."""
        catalogue = self._current.catalogue
        rows = ((catalogue.row(one.track_id), one) for one in fact.listens)
        self._current.trending.add(
            (row, one.at, one.plays) for row, one in rows if row is not None and trends(one)
        )

    async def on_user_updated(self, fact: UserUpdated) -> None:
        """Lists built from an older rev are never asked for again."""
        if fact.rev is None:
            self._revs.forget(fact.user_id)
        else:
            self._revs.learn(fact.user_id, fact.rev)
