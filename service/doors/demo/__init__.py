"""A music world that never existed: catalogue, listeners with tastes, three months of listening.

Generated from a seed, so the same seed and `now` give the same bytes. Its artists play in scenes
and its listeners have two to four tastes each: a model has something to find.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from service.domain import Listen, Track, User
from service.doors.importers import Row


class World(Struct, frozen=True):
    """`listens` can be read once: listener by listener, each in the order of time."""

    tracks: list[Track]
    users: list[User]
    listens: Iterator[Listen]

    def rows(self) -> Iterator[Row]:
        """Tracks, then listens, as an importer would read them from a file."""
        for line, track in enumerate(self.tracks, 1):
            yield Row("demo", line, (), track)
        for line, listen in enumerate(self.listens, len(self.tracks) + 1):
            yield Row("demo", line, (), listen)


def world(
    *,
    seed: int = 7,
    tracks: int = 6_000,
    listeners: int = 2_000,
    listens: int = 200_000,
    now: datetime,
) -> World:
    """The world of this seed, with the last 90 days before `now`; all numbers are at least 1."""
    import numpy as np

    from service.doors.demo.catalogue import catalogue
    from service.doors.demo.listeners import crowd
    from service.doors.demo.listening import listening

    rng = np.random.default_rng(seed)
    songs = catalogue(rng, seed=seed, size=tracks, today=now.date())
    people = crowd(rng, songs, listeners, now)
    return World(songs.tracks, people.users, listening(rng, songs, people, listens, now))
