"""What a listener likes, apart from any track: artists, genres and a sound.

It is small, so that it travels: a process that is told a taste in words makes the same scores of it
as the one that made it.
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from service.domain import FEATURES
from service.errors import Invalid
from service.model.catalogue import Catalogue, Names
from service.model.current import View
from service.profile.history import History
from service.profile.profile import artist_shares, audio_means, genre_shares
from service.recommend.ask import Listener
from service.recommend.parts import Array, ByCode, Parts, Sound

AUDIO_WEIGHTS = {
    "danceability": 0.2,
    "energy": 0.25,
    "valence": 0.2,
    "acousticness": 0.15,
    "instrumentalness": 0.1,
    "tempo": 0.1,
}
AUDIO = np.array([AUDIO_WEIGHTS.get(name, 0.0) for name in FEATURES], np.float32)
LARGEST = 1e6
"""Of a share or a target, either way: beyond it a sum of float32 is not what it seems."""


class Taste(Struct, frozen=True):
    """Shares of what is liked, by code."""

    artists: Array  # (artists + 1,), the last is 0
    genres: Array  # (genres,)
    sound: Sound | None


class Likes(Struct, frozen=True):
    """A taste in words."""

    artists: dict[str, float] = {}
    genres: dict[str, float] = {}
    target: list[float | None] = []  # by feature; empty: no sound is liked
    weights: list[float] = []


def taste_of(view: View, listener: Listener) -> Taste:
    """What a listener plays, and what they say they like."""
    catalogue, history, wanted = view.catalogue, listener.history, listener.user.preferences
    rows, strengths = history.liked_rows, history.liked_strengths
    artists = artist_shares(rows, strengths, catalogue)
    genres = genre_shares(rows, strengths, catalogue)
    artists[catalogue.artist_names.known(wanted.artists)] += 1 / max(len(wanted.artists), 1)
    genres[catalogue.genre_names.known(wanted.genres)] += 1 / max(len(wanted.genres), 1)
    return Taste(artists, genres, _sound(view, history))


def parts_of(taste: Taste, catalogue: Catalogue) -> Parts:
    """What a taste says of every track; parts that say nothing are left out."""
    parts: Parts = {}
    if taste.artists.any():
        parts["artist"] = ByCode(taste.artists, catalogue.artist_coding)
    if taste.genres.any():
        by_set = np.asarray(catalogue.genre_matrix @ taste.genres, np.float32)
        parts["genre"] = ByCode(by_set, catalogue.set_coding)
    if taste.sound is not None:
        parts["audio"] = taste.sound
    return parts


def likes_of(taste: Taste, catalogue: Catalogue) -> Likes:
    """The taste in words."""
    sound = taste.sound
    return Likes(
        artists=_spelled(taste.artists[:-1], catalogue.artist_names),
        genres=_spelled(taste.genres, catalogue.genre_names),
        target=[None if np.isnan(one) else float(one) for one in sound.target] if sound else [],
        weights=sound.weights.tolist() if sound else [],
    )


def taste_from(likes: Likes, catalogue: Catalogue) -> Taste:
    """The taste that these words say; names that no track carries are passed over.

    Raises:
        Invalid: it is none.
    """
    numbers = [*likes.artists.values(), *likes.genres.values(), *likes.weights]
    numbers += [one for one in likes.target if one is not None]
    if any(abs(one) > LARGEST for one in numbers):
        raise Invalid(f"a number beyond {LARGEST:,.0f}")
    if not len(likes.target) == len(likes.weights) in (0, len(FEATURES)):
        raise Invalid(f"{len(likes.target)} targets and {len(likes.weights)} weights")
    artists = np.zeros(len(catalogue.artist_names.spelled) + 1, np.float32)
    genres = np.zeros(len(catalogue.genre_names.spelled), np.float32)
    _put(artists, likes.artists, catalogue.artist_names)
    _put(genres, likes.genres, catalogue.genre_names)
    if not likes.weights:
        return Taste(artists, genres, None)
    target = np.array(likes.target, np.float32)  # None is NaN
    return Taste(artists, genres, Sound(catalogue, target, np.array(likes.weights, np.float32)))


def _spelled(shares: Array, names: Names) -> dict[str, float]:
    return {names.spelled[code]: float(shares[code]) for code in np.flatnonzero(shares).tolist()}


def _put(shares: Array, likes: Mapping[str, float], names: Names) -> None:
    for name, share in likes.items():
        for code in names.known([name]):
            shares[code] = share


def _sound(view: View, history: History) -> Sound | None:
    rows, strengths = history.liked_rows, history.liked_strengths
    if not len(rows):
        return None
    mean, _ = audio_means(rows, strengths, view.catalogue)
    known = np.isfinite(mean)
    if not AUDIO[known].any():
        return None
    return Sound(view.catalogue, mean, np.where(known, AUDIO, 0).astype(np.float32))
