"""The demo world's tracks: artists at home in scenes, with albums, a sound and a following."""

from datetime import date, timedelta
from hashlib import blake2b

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from numpy.typing import NDArray

from service.base62 import base62
from service.domain import FEATURES, Features, Track
from service.doors.demo.genres import GENRES, HIGHEST, LOWEST, SPREAD
from service.doors.demo.names import Names

SCENES_EACH = 3
RECENT_DAYS = 45  # releases of the demo's last weeks are at most this old


class Catalogue(Struct, frozen=True):
    """The tracks, and by row what listening needs to know of them.

    Rows lie scene by scene and, within one, artist by artist. `pull` is how often a track is played
    by those who like its scene; a recent release has none until it is out.
    """

    tracks: list[Track]
    scene: NDArray[np.int64]  # genre * SCENES_EACH + which of its scenes
    artist: NDArray[np.int64]
    pull: NDArray[np.float64]
    energy: NDArray[np.float64]
    duration_ms: NDArray[np.int64]
    recent: NDArray[np.int64]  # rows
    days_out: NDArray[np.int64]  # of each recent row


def catalogue(rng: Generator, *, seed: int, size: int, today: date) -> Catalogue:
    """`size` tracks by about a tenth as many artists."""
    names = Names(rng)
    artist, scene = _who_plays_what(rng, size)
    recent = np.sort(rng.permutation(size)[: size // 35])
    days_out = rng.integers(1, RECENT_DAYS, recent.size)
    age = dict(zip(recent.tolist(), days_out.tolist(), strict=True))
    pull = _pull(rng, artist)
    sound = _sound(rng, artist, scene)
    shape = [GENRES[one // SCENES_EACH] for one in scene.tolist()]
    slow = np.array([genre.family == "calm" for genre in shape])
    duration_ms = rng.lognormal(np.where(slow, 12.35, 12.25), 0.22).clip(55_000, 540_000)
    duration_ms = duration_ms.astype(np.int64)
    explicit = rng.random(size) < np.array([genre.explicit for genre in shape])
    popularity = _popularity(pull)
    titles = _titles(rng, names, artist, scene, today)
    features = _features(rng, sound)
    tracks = [
        Track(
            id=base62(blake2b(f"demo:{seed}:{row}".encode(), digest_size=6).digest()),
            title=title,
            artist=by,
            album=album if row not in age else f"{title} (Single)",
            genres=(shape[row].name, shape[row].scenes[int(scene[row]) % SCENES_EACH]),
            features=features[row],
            duration_ms=int(duration_ms[row]),
            released=str(today - timedelta(days=age[row])) if row in age else released,
            explicit=bool(explicit[row]),
            popularity=float(popularity[row]),
        )
        for row, (title, by, album, released) in enumerate(titles)
    ]
    pull[recent] = 0
    energy = sound[:, FEATURES.index("energy")]
    return Catalogue(tracks, scene, artist, pull, energy, duration_ms, recent, days_out)


def _who_plays_what(rng: Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Artist and scene of every row. Most artists stay in one scene, some visit one or two more."""
    share = np.array([genre.share for genre in GENRES])
    many = max(1, size // 10)
    genre = rng.choice(len(GENRES), many, p=share / share.sum())
    home = genre * SCENES_EACH + rng.integers(SCENES_EACH, size=many)
    family = np.array([one.family for one in GENRES])
    kin = [np.flatnonzero(family == family[one]) for one in range(len(GENRES))]
    away = np.array([rng.choice(kin[one], 2) for one in genre]) * SCENES_EACH
    away += rng.integers(SCENES_EACH, size=away.shape)
    visits = rng.choice(3, many, p=[0.6, 0.28, 0.12])  # how many other scenes
    diligence = rng.gamma(2.0, size=many)
    artist = np.concatenate(
        [np.arange(many), rng.choice(many, size - many, p=diligence / diligence.sum())]
    )[:size]
    abroad = rng.random(size) < np.array([0.0, 0.2, 0.35])[visits[artist]]
    which = rng.integers(2, size=size) * (visits[artist] > 1)
    scene = np.where(abroad, away[artist, which], home[artist])
    order = np.lexsort((artist, scene))
    return artist[order], scene[order]


def _pull(rng: Generator, artist: NDArray[np.int64]) -> NDArray[np.float64]:
    """Zipf: how often the track on each rank is played falls with its rank."""
    fame = rng.normal(size=int(artist.max()) + 1)
    rank = np.argsort(np.argsort(-(fame[artist] + rng.normal(size=artist.size))))
    return np.asarray((rank + 8.0) ** -0.85, np.float64)


def _popularity(pull: NDArray[np.float64]) -> NDArray[np.float64]:
    rank = np.argsort(np.argsort(-pull))
    share = 1 - np.log1p(rank) / np.log(rank.size + 1)
    return np.asarray(np.round(100 * share, 1), np.float64)


def _sound(
    rng: Generator, artist: NDArray[np.int64], scene: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Float64 (n, 9): the genre's mean, moved by scene, artist and track."""
    mean = np.array([genre.sound for genre in GENRES])[scene // SCENES_EACH]
    scenes = rng.normal(size=(len(GENRES) * SCENES_EACH, len(FEATURES)))[scene]
    artists = rng.normal(size=(int(artist.max()) + 1, len(FEATURES)))[artist]
    moved = 0.5 * scenes + 0.5 * artists + 0.7 * rng.normal(size=mean.shape)
    return np.asarray(np.clip(mean + moved * np.array(SPREAD), LOWEST, HIGHEST), np.float64)


def _features(rng: Generator, sound: NDArray[np.float64]) -> list[Features]:
    """As a real catalogue has them: of some tracks nothing is known, of some not everything."""
    known = rng.random(sound.shape) > 0.005
    known[rng.random(len(sound)) < 0.03] = False
    digits = [1 if name == "tempo" else 2 if name == "loudness" else 3 for name in FEATURES]
    return [
        Features(
            **{
                name: round(value, places) if there else None
                for name, value, places, there in zip(FEATURES, row, digits, heard, strict=True)
            }
        )
        for row, heard in zip(sound.tolist(), known.tolist(), strict=True)
    ]


def _titles(
    rng: Generator,
    names: Names,
    artist: NDArray[np.int64],
    scene: NDArray[np.int64],
    today: date,
) -> list[tuple[str, str, str, str]]:
    """Title, artist, album and release day of every row."""
    called: dict[int, str] = {}
    found: list[tuple[str, str, str, str]] = []
    starts = np.flatnonzero(np.diff(scene, prepend=-1) | np.diff(artist, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], scene.size], strict=True):
        genre = GENRES[int(scene[start]) // SCENES_EACH].name
        by = called.setdefault(int(artist[start]), "") or names.artist(genre)
        called[int(artist[start])] = by
        row = start
        while row < end:
            count = min(end - row, names.number(4, 11))
            album = names.album()
            days = 95 + int(rng.exponential(9 * 365))  # half of all music is younger than 6 years
            released = str(today - timedelta(days=min(days, 55 * 365)))
            found += [(title, by, album, released) for title in names.tracks(genre, count)]
            row += count
    return found
