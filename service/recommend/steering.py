"""Skips re-steer the very next list: away from the tracks, their artists, genres and sound."""

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from core.blend import standardise
from core.linear import score
from core.similarity import similarities
from service.model.catalogue import UNKNOWN
from service.model.current import View
from service.profile.profile import audio_means
from service.profile.session import Skips
from service.recommend.retrieval import AUDIO
from service.recommend.scoring import Total

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
    charge = (
        steering.artist * _artists(view, skipped)
        + steering.genre * _genres(view, skipped)
        + steering.sound * _sound(view, skipped)
        + steering.neighbour * _neighbours(view, skipped)
    )
    charge[skipped.rows] += steering.track * skipped.weights
    return structs.replace(total, base=total.base - np.float32(total.unit) * charge)


def _artists(view: View, skipped: Skips) -> Scores:
    """Summed weights of the skips of each track's artist."""
    artists = view.catalogue.artists
    codes = artists[skipped.rows]
    known = codes != UNKNOWN
    size = len(view.catalogue.artist_names.spelled) + 1  # the last is for -1 and stays 0
    sums = np.bincount(codes[known], skipped.weights[known], minlength=size)
    return np.asarray(np.minimum(sums, MOST)[artists], np.float32)


def _genres(view: View, skipped: Skips) -> Scores:
    """Summed weights of the skips, each split over its genres: the mean of a track's genres."""
    catalogue = view.catalogue
    sets = np.bincount(
        catalogue.genre_sets[skipped.rows],
        skipped.weights,
        minlength=catalogue.genre_matrix.shape[0],
    )
    of_genre = np.minimum(catalogue.genre_matrix.T @ sets, MOST)
    by_set: Scores = np.asarray(catalogue.genre_matrix @ of_genre, np.float32)
    return by_set[catalogue.genre_sets]


def _sound(view: View, skipped: Skips) -> Scores:
    """How much nearer than the usual track to the mean sound of the skips, by their weight."""
    mean, _ = audio_means(skipped.rows, skipped.weights, view.catalogue)
    known = np.isfinite(mean) & (AUDIO > 0)
    if not known.any():
        return np.zeros(view.catalogue.size, np.float32)
    target = np.where(known, mean, 0).astype(np.float32)
    weights = np.where(known, AUDIO, 0).astype(np.float32)
    near = np.nan_to_num(standardise(similarities(view.catalogue.features, target, weights)))
    mass = min(float(skipped.weights.sum()), MOST)
    return np.asarray(np.maximum(near, 0) * np.float32(mass), np.float32)


def _neighbours(view: View, skipped: Skips) -> Scores:
    """What people play who play the skipped tracks; 1 for the nearest neighbour of one skip."""
    near = np.zeros(view.catalogue.size, np.float32)
    if view.model is None:
        return near
    within = skipped.rows < view.model.tracks
    rows, weights = skipped.rows[within], skipped.weights[within]
    if len(rows):
        scores = np.maximum(score(view.model.items, rows, weights), 0)
        near[: len(scores)] = scores / max(float(scores.max(initial=0)), 1e-9)
    return near * np.float32(min(float(weights.sum()), MOST))
