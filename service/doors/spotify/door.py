"""What is behind the routes: seeds, tracks, artists and features of the catalogue as it is now."""

import asyncio
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import anyio.to_thread
import numpy as np

from service.domain import Track
from service.doors.spotify.attributes import distance_of, within_of
from service.doors.spotify.features import AudioFeatures, features_of
from service.doors.spotify.ids import Ids
from service.doors.spotify.objects import (
    FullArtist,
    FullTrack,
    Kind,
    Recommended,
    Seed,
    full_artist,
    track_object,
)
from service.doors.spotify.question import Question
from service.errors import RateLimited
from service.model.catalogue import Catalogue
from service.model.current import Current, View
from service.recommend.seeded import Seeded, SeededLists, Seeds
from service.store import Store

MOST_AT_ONCE = 16
"""Lists being made here; each takes milliseconds of a processor that listeners wait for too."""
RETRY_AFTER_S = 1.0
NOTHING = Seeded(np.empty(0, np.int32), 0, 0)


class Spotify:
    """The catalogue in Spotify's words."""

    def __init__(self, store: Store, current: Current, lists: SeededLists) -> None:
        self._store, self._current, self._lists = store, current, lists
        self._ids = Ids(store, current)
        self._making = 0

    async def recommended(self, question: Question, base: str) -> Recommended:
        """The list for these seeds; seeds nobody knows are in the answer with a pool of 0.

        Raises:
            RateLimited: too many are being made.
            StoreUnavailable
        """
        with self._place():
            view = self._lists.view()
            tracks = await self._ids.tracks(question.tracks)
            artists = await self._ids.artists(question.artists)
            genres = _genres(view.catalogue, question.genres)
            seeds = Seeds(
                rows=tuple(view.catalogue.rows[own] for own in dict.fromkeys(tracks.values())),
                artists=tuple(dict.fromkeys(artists.values())),
                genres=tuple(dict.fromkeys(genres.values())),
            )
            made = await self._list(view, seeds, question)
            own = (view.catalogue.briefs[row].id for row in made.rows)
            listed = await self._named({track_id: track_id for track_id in own})
            return Recommended(
                [
                    *_seeds("ARTIST", question.artists, artists, made, f"{base}/artists/"),
                    *_seeds("TRACK", question.tracks, tracks, made, f"{base}/tracks/"),
                    *_seeds("GENRE", question.genres, genres, made, None),
                ],
                [track_object(track, name, base) for track, name in listed],
            )

    async def _list(self, view: View, seeds: Seeds, question: Question) -> Seeded:
        if seeds == Seeds():
            return NOTHING
        catalogue = view.catalogue
        within = await anyio.to_thread.run_sync(within_of, catalogue, question.least, question.most)
        distance = partial(distance_of, catalogue, question.wishes)
        return await self._lists.of(
            view, seeds, limit=question.limit, within=within, distance=distance
        )

    def genres(self) -> list[str]:
        """What may be given as `seed_genres`: names without a comma, in order."""
        names = self._current.catalogue.genre_names.spelled
        return sorted(name for name in names if "," not in name)

    async def tracks(self, given: Sequence[str], base: str) -> list[FullTrack | None]:
        """Each in its place; None where nobody has this id."""
        own = await self._ids.tracks(given)
        found = {one.id: track_object(one, name, base) for one, name in await self._named(own)}
        return [found.get(own.get(name, "")) for name in given]

    async def features(self, given: Sequence[str], base: str) -> list[AudioFeatures | None]:
        """Each in its place; None where nobody has this id, or no feature is known."""
        catalogue, own = self._current.catalogue, await self._ids.tracks(given)
        named = {track.id: name for track, name in await self._named(own)}
        rows = [catalogue.rows[track_id] for track_id in named]
        features = features_of(catalogue, rows, list(named.values()), base)
        found = dict(zip(named, features, strict=True))
        return [found.get(own.get(name, "")) for name in given]

    async def artists(self, given: Sequence[str], base: str) -> list[FullArtist | None]:
        """Each in its place; None where nobody has this id."""
        catalogue, codes = self._current.catalogue, await self._ids.artists(given)
        return [_artist(catalogue, codes[name], base) if name in codes else None for name in given]

    async def _named(self, own: Mapping[str, str]) -> list[tuple[Track, str]]:
        """The tracks that were found, once each, and what they are called here."""
        stored = await asyncio.gather(*map(self._store.track, dict.fromkeys(own.values())))
        tracks = [track for track in stored if track is not None]
        return list(zip(tracks, await self._ids.of(tracks), strict=True))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._making >= MOST_AT_ONCE:
            raise RateLimited("too many lists are being made", RETRY_AFTER_S)
        self._making += 1
        try:
            yield
        finally:
            self._making -= 1


def _genres(catalogue: Catalogue, given: Sequence[str]) -> dict[str, str]:
    """The catalogue's spelling of the genres it has; Spotify writes "hip-hop" for "hip hop"."""
    spelled = {_plain(name): name for name in reversed(catalogue.genre_names.spelled)}
    exact = set(catalogue.genre_names.spelled)
    known = {name: name if name in exact else spelled.get(_plain(name)) for name in given}
    return {name: genre for name, genre in known.items() if genre is not None}


def _plain(genre: str) -> str:
    return genre.casefold().replace("-", " ")


def _artist(catalogue: Catalogue, code: int, base: str) -> FullArtist:
    coding = catalogue.artist_coding
    rows = coding.order[coding.begins[code] : coding.begins[code + 1]]
    sets = catalogue.genre_matrix[np.unique(catalogue.genre_sets[rows])]
    genres = [catalogue.genre_names.spelled[genre] for genre in np.unique(sets.nonzero()[1])]
    popularity = catalogue.popularity[rows]
    most = popularity[np.isfinite(popularity)].max(initial=0.0)
    return full_artist(catalogue.artist_names.spelled[code], genres, round(float(most)), base)


def _seeds(
    kind: Kind, given: Sequence[str], known: Container[str], made: Seeded, href: str | None
) -> list[Seed]:
    """As they were given: an alias that was sent is what the client knows the seed by."""
    return [
        Seed(
            initial_pool=made.pool if name in known else 0,
            after_filtering=made.left if name in known else 0,
            after_relinking=made.left if name in known else 0,
            id=name,
            type=kind,
            href=None if href is None else f"{href}{name}",
        )
        for name in given
    ]
