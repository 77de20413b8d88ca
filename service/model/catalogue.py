"""The catalogue as arrays: row i of every array is the i-th track ever stored.

A `Catalogue` never changes; `with_tracks` makes the next one, so a request that holds one sees one
state from retrieval to answer. Only the id table is shared, and it only grows.
"""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b

import msgspec
import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core.coding import Coding
from service.domain import FEATURES, Track, TrackBrief
from service.model.works import work

TEMPO, LOUDNESS = FEATURES.index("tempo"), FEATURES.index("loudness")
UNKNOWN = -1
SAMPLE = 8_192
"""Tracks that tell how a similarity is distributed: its deviation is then known to 1 %."""
NOBODY = "unknown"  # what importers write for a missing artist; these tracks share nothing


class Names(Struct, frozen=True):
    """Names to codes (casefolded, so "ABBA" is "Abba") and back to the first spelling seen."""

    codes: dict[str, int]
    spelled: list[str]

    def code(self, name: str) -> int:
        """The code of a name, a new one for a new name."""
        code = self.codes.setdefault(name.casefold(), len(self.spelled))
        if code == len(self.spelled):
            self.spelled.append(name)
        return code

    def copy(self) -> "Names":
        """The same names, free to grow."""
        return Names(dict(self.codes), list(self.spelled))

    def known(self, names: Sequence[str]) -> list[int]:
        """The codes of those names that any track carries."""
        codes = (self.codes.get(name.casefold()) for name in names)
        return [code for code in codes if code is not None]


class Catalogue(Struct, frozen=True, kw_only=True, dict=True):
    """All tracks by row. `edition` names them, for cache keys: the same in every process."""

    edition: int
    digests: NDArray[np.uint64]  # (n,) of each track as it is stored; `edition` sums them by row
    rows: dict[str, int]  # track id -> row; shared by all editions, only grows
    briefs: list[TrackBrief]
    features: NDArray[np.float32]  # (9, n) scaled 0..1, NaN where unknown
    artists: NDArray[np.int32]  # (n,) code in artist_names, -1 where unknown
    albums: NDArray[np.int32]  # (n,) code of (artist, album), -1 where unknown
    works: NDArray[np.int32]  # (n,) one code for all recordings of a work, -1 where unknown
    genre_sets: NDArray[np.int32]  # (n,) index into genre_members
    explicit: NDArray[np.bool_]  # (n,)
    popularity: NDArray[np.float32]  # (n,) 0..100, NaN where unknown
    durations_ms: NDArray[np.int32]  # (n,) 0 where unknown
    artist_names: Names
    album_names: Names
    work_names: Names  # normalised title and artist
    genre_names: Names
    genre_members: Names  # one "name" per distinct set of genres: its codes joined by spaces
    genre_matrix: csr_array  # float32 (sets, genres): 1 / set size where the set has the genre

    @property
    def size(self) -> int:
        """Number of tracks."""
        return len(self.briefs)

    @cached_property
    def artist_coding(self) -> Coding:
        """The tracks of each artist; the last are those of nobody known."""
        return Coding(self.artists, len(self.artist_names.spelled) + 1)

    @cached_property
    def set_coding(self) -> Coding:
        """The tracks with each set of genres."""
        return Coding(self.genre_sets, self.genre_matrix.shape[0])

    @cached_property
    def sets_of_genres(self) -> csr_array:
        """float32 (genres, sets): `genre_matrix` turned."""
        return csr_array(self.genre_matrix.T)

    @cached_property
    def features_by_row(self) -> NDArray[np.float32]:
        """float32 (n, 9): `features`, a track's beside each other."""
        return np.ascontiguousarray(self.features.T)

    @cached_property
    def sample(self) -> NDArray[np.float32]:
        """float32 (9, s): features of up to `SAMPLE` tracks, evenly spread."""
        return np.ascontiguousarray(self.features[:, :: -(-self.size // SAMPLE) or 1])

    @cached_property
    def harmless(self) -> NDArray[np.bool_]:
        """Bool (n,): not explicit."""
        return ~self.explicit

    @cached_property
    def _work_coding(self) -> Coding:
        """The recordings of each work; the last are those of unknown works."""
        return Coding(self.works, len(self.work_names.spelled) + 1)

    def recordings(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """The rows of all recordings of the works that these rows record; none of unknown works."""
        begins, order = self._work_coding.begins, self._work_coding.order
        works = self.works[rows]
        works = works[works != UNKNOWN]
        found = [order[begins[work] : begins[work + 1]] for work in works]
        return np.concatenate(found) if found else np.empty(0, np.int32)

    def row(self, track_id: str) -> int | None:
        """The row of a track in this edition."""
        row = self.rows.get(track_id)
        return row if row is not None and row < self.size else None

    def knows(self, track_id: str) -> bool:
        """Whether the track is in this edition."""
        return self.row(track_id) is not None

    def digest(self, track_id: str) -> int | None:
        """A number that changes with anything about the track; None where it is not here."""
        row = self.row(track_id)
        return None if row is None else int(self.digests[row])

    def unlike(self, tracks: Sequence[Track]) -> list[Track]:
        """Those that are new or not as they are here."""
        return [track for track in tracks if self.digest(track.id) != _digest(track)]

    def with_tracks(self, tracks: Sequence[Track]) -> "Catalogue":
        """The next edition, in which these tracks are new or replaced. Costs one copy."""
        names = ("artist_names", "album_names", "work_names", "genre_names", "genre_members")
        grown = structs.replace(self, **{name: getattr(self, name).copy() for name in names})
        return grown._put(tracks)  # noqa: SLF001 - the next edition of ourselves

    def _put(self, tracks: Sequence[Track]) -> "Catalogue":
        for track in tracks:
            self.rows.setdefault(track.id, len(self.rows))
        rows = np.array([self.rows[track.id] for track in tracks], np.int64)
        size = len(self.rows)
        briefs = self.briefs + [TrackBrief("", "", "")] * (size - self.size)
        for row, track in zip(rows, tracks, strict=True):
            briefs[row] = TrackBrief(track.id, track.title, track.artist)

        genre_sets = [self._genre_set(track) for track in tracks]
        digests = np.zeros(size, np.uint64)
        digests[: self.size] = self.digests
        digests[rows] = [_digest(track) for track in tracks]

        def put(old: NDArray, values: list, fill: float) -> NDArray:  # type: ignore[type-arg]
            new = np.full((*old.shape[:-1], size), fill, old.dtype)
            new[..., : old.shape[-1]] = old
            if len(values):
                new[..., rows] = np.array(values, old.dtype).T
            return new

        return structs.replace(
            self,
            edition=int((digests * (2 * np.arange(size, dtype=np.uint64) + 1)).sum()),
            digests=digests,
            briefs=briefs,
            features=put(self.features, [feature_vector(track) for track in tracks], np.nan),
            artists=put(
                self.artists,
                [self._artist(track) for track in tracks],
                UNKNOWN,
            ),
            albums=put(self.albums, [self._album(track) for track in tracks], UNKNOWN),
            works=put(self.works, [self._work(track) for track in tracks], UNKNOWN),
            genre_sets=put(self.genre_sets, genre_sets, 0),
            genre_matrix=_genre_matrix(self.genre_members, self.genre_names),
            explicit=put(self.explicit, [track.explicit for track in tracks], 0),
            popularity=put(
                self.popularity,
                [np.nan if track.popularity is None else track.popularity for track in tracks],
                np.nan,
            ),
            durations_ms=put(self.durations_ms, [track.duration_ms or 0 for track in tracks], 0),
        )

    def _artist(self, track: Track) -> int:
        if track.artist.casefold() == NOBODY:
            return UNKNOWN
        return self.artist_names.code(track.artist)

    def _album(self, track: Track) -> int:
        return self.album_names.code(f"{track.artist}\0{track.album}") if track.album else UNKNOWN

    def _work(self, track: Track) -> int:
        if track.artist.casefold() == NOBODY:
            return UNKNOWN
        return self.work_names.code(work(track.title, track.artist))

    def _genre_set(self, track: Track) -> int:
        codes = sorted({self.genre_names.code(genre) for genre in track.genres})
        return self.genre_members.code(" ".join(map(str, codes)))


def empty_catalogue() -> Catalogue:
    """A catalogue without tracks, to grow with `with_tracks`."""
    return Catalogue(
        edition=0,
        digests=np.empty(0, np.uint64),
        rows={},
        briefs=[],
        features=np.empty((len(FEATURES), 0), np.float32),
        artists=np.empty(0, np.int32),
        albums=np.empty(0, np.int32),
        works=np.empty(0, np.int32),
        genre_sets=np.empty(0, np.int32),
        explicit=np.empty(0, np.bool_),
        popularity=np.empty(0, np.float32),
        durations_ms=np.empty(0, np.int32),
        artist_names=Names({}, []),
        album_names=Names({}, []),
        work_names=Names({}, []),
        genre_names=Names({}, []),
        genre_members=Names({}, []),
        genre_matrix=_genre_matrix(Names({}, []), Names({}, [])),
    )


def _digest(track: Track) -> int:
    return int.from_bytes(blake2b(msgspec.msgpack.encode(track), digest_size=8).digest())


def _genre_matrix(members: Names, names: Names) -> csr_array:
    sets = [[int(code) for code in member.split()] for member in members.spelled]
    sizes = np.array([len(codes) for codes in sets], np.int64)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    indices = np.array([code for codes in sets for code in codes], np.int64)
    shares = np.repeat(1 / np.maximum(sizes, 1), sizes).astype(np.float32)
    return csr_array((shares, indices, indptr), shape=(len(sets), len(names.spelled)))


def feature_vector(track: Track) -> list[float]:
    """The nine features scaled to 0..1 (tempo by 250 BPM, loudness from -60 dB up), NaN unknown."""
    values = [getattr(track.features, name) for name in FEATURES]
    vector = [np.nan if value is None else float(value) for value in values]
    vector[TEMPO] = min(vector[TEMPO], 250.0) / 250 if values[TEMPO] is not None else np.nan
    if values[LOUDNESS] is not None:
        vector[LOUDNESS] = (min(max(vector[LOUDNESS], -60.0), 0.0) + 60) / 60
    return vector
