"""Skips re-steer the very next list: away from the tracks, their artists, genres and sound."""

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from core.linear import score
from core.sums import Flat, Nearness, Table
from service.model.catalogue import UNKNOWN
from service.model.current import View
from service.profile.profile import audio_means
from service.profile.session import Skips
from service.recommend.parts import Sound, moments
from service.recommend.scoring import Coded, Total
from service.recommend.taste import AUDIO

Scores = NDArray[np.float32]

MOST = 3.0
"""Skips of one direction beyond this many say nothing new."""


class Steering(Struct, frozen=True, kw_only=True):
    """What one skip just now costs a track, in units of the total."""

    track: float = 0.5
    artist: float = 0.1
    genre: float = 0.05
    sound: float = 0.05
    neighbour: float = 0.05  # the nearest; others in proportion


STEERING = Steering()


def steer(total: Total, view: View, skipped: Skips, *, steering: Steering = STEERING) -> Total:
    """The scores less what the skips of the session take off; as given without skips."""
    if not len(skipped.rows):
        return total
    catalogue, unit = view.catalogue, total.unit
    of_artist = np.float32(-unit * steering.artist)
    of_genre = np.float32(-unit * steering.genre)
    artists = Table(_artists(view, skipped) * of_artist, catalogue.artist_coding)
    genres = Table(_genres(view, skipped) * of_genre, catalogue.set_coding)
    own = _neighbours(view, skipped) * np.float32(-unit * steering.neighbour)
    own[skipped.rows] -= np.float32(unit * steering.track) * skipped.weights
    tables = dict(total.tables)
    taken: dict[Coded, Table] = {"artist": artists, "genre": genres}
    for name, table in taken.items():
        tables[name] = _both(tables[name], table) if name in tables else table
    sound = _sound(view, skipped, unit * steering.sound)
    return structs.replace(
        total,
        tables=tables,
        flats=(*total.flats, Flat(own, speaks=False)),
        sounds=(*total.sounds, *([sound] if sound else [])),
    )


def _both(one: Table, other: Table) -> Table:
    return Table(one.values + other.values, one.coding)


def _artists(view: View, skipped: Skips) -> Scores:
    """float32 (artists + 1,): summed weights of each artist's skips."""
    codes = view.catalogue.artists[skipped.rows]
    known = codes != UNKNOWN
    size = len(view.catalogue.artist_names.spelled) + 1  # the last is for -1 and stays 0
    sums = np.bincount(codes[known], skipped.weights[known], minlength=size)
    return np.minimum(sums, MOST).astype(np.float32)


def _genres(view: View, skipped: Skips) -> Scores:
    """float32 (sets,): summed weights of the skips, each split over its genres; a set's mean."""
    catalogue = view.catalogue
    sets = np.bincount(
        catalogue.genre_sets[skipped.rows],
        skipped.weights,
        minlength=catalogue.genre_matrix.shape[0],
    )
    of_genre = np.minimum(catalogue.sets_of_genres @ sets, MOST)
    return np.asarray(catalogue.genre_matrix @ of_genre, np.float32)


def _sound(view: View, skipped: Skips, charge: float) -> Nearness | None:
    """How much nearer than the usual track to the mean sound of the skips, by their weight."""
    mean, _ = audio_means(skipped.rows, skipped.weights, view.catalogue)
    known = np.isfinite(mean) & (AUDIO > 0)
    if not known.any():
        return None
    weights = np.where(known, AUDIO, 0).astype(np.float32)
    middle, deviation = moments(Sound(view.catalogue, mean, weights))
    if deviation <= 0:
        return None
    scale = charge * min(float(skipped.weights.sum()), MOST) / deviation
    return Nearness(mean, weights, -scale, scale * middle, clipped=True)


def _neighbours(view: View, skipped: Skips) -> Scores:
    """float32 (n,): what people play who play the skipped tracks; 1 for the nearest of one skip."""
    size = view.catalogue.size
    if view.model is None:
        return np.zeros(size, np.float32)
    within = skipped.rows < view.model.tracks
    rows, weights = skipped.rows[within], skipped.weights[within]
    near = np.maximum(score(view.model.items, rows, weights, size=size), 0)
    near /= max(float(near.max(initial=0)), 1e-9)
    return near * np.float32(min(float(weights.sum()), MOST))
