"""The profile of a user: what their newest listens and their own words say about them."""

from datetime import datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.domain import FEATURES, Blocked, Demographics, Preferences, User
from service.model.catalogue import UNKNOWN, Catalogue
from service.profile.clock import histogram, zone
from service.profile.history import History

TOP = 10


class Taste(Struct, frozen=True):
    """A genre or artist and its share of what the user likes."""

    name: str
    share: float


class FeaturePreference(Struct, frozen=True):
    """Where a feature of liked tracks lies (scaled 0..1), weighted by strength."""

    mean: float
    spread: float


class Profile(Struct, frozen=True, kw_only=True):
    """Everything EchoTune believes about a user, in words they can check."""

    user_id: str
    rev: int
    updated_at: datetime
    listens: int  # newest listens looked at, at most 500
    top_genres: list[Taste]
    top_artists: list[Taste]
    audio_preferences: dict[str, FeaturePreference]
    listening_patterns: list[list[int]]  # 7 days (Monday first) x 24 hours, in `timezone`
    repeat_rate: float  # share of plays that were not the first of their track
    discovery_rate: float  # share of plays that were
    skip_rate: float  # share of plays and skips that were skips
    preferences: Preferences
    demographics: Demographics
    timezone: str
    blocked: Blocked


def describe(user: User, history: History, catalogue: Catalogue) -> Profile:
    """The profile of `user` from a folded history."""
    rows, strengths = history.liked_rows, history.liked_strengths
    artists = artist_shares(rows, strengths, catalogue)
    genres = genre_shares(rows, strengths, catalogue)
    plays = float(history.plays.sum())
    first = float((history.plays > 0).sum())
    skips = sum(listen.plays for listen in history.listens if listen.action == "skip")
    return Profile(
        user_id=user.id,
        rev=user.rev,
        updated_at=user.updated_at,
        listens=len(history.listens),
        top_genres=_top(genres, catalogue.genre_names.spelled),
        top_artists=_top(artists, catalogue.artist_names.spelled),
        audio_preferences=_audio(rows, strengths, catalogue),
        listening_patterns=histogram(history.listens, zone(user.timezone)),
        repeat_rate=_share(plays - first, plays),
        discovery_rate=_share(first, plays),
        skip_rate=_share(skips, plays + skips),
        preferences=user.preferences,
        demographics=user.demographics,
        timezone=user.timezone,
        blocked=user.blocked,
    )


def artist_shares(
    rows: NDArray[np.int32], strengths: NDArray[np.float32], catalogue: Catalogue
) -> NDArray[np.float32]:
    """float32 (artists + 1,): each artist's share of the summed strengths.

    The last is always 0: code -1, an artist nobody knows, finds it from the end.
    """
    codes = catalogue.artists[rows]
    known, size = codes != UNKNOWN, len(catalogue.artist_names.spelled) + 1
    shares = np.bincount(codes[known], strengths[known], minlength=size)
    normed: NDArray[np.float32] = (shares / max(strengths.sum(), 1e-9)).astype(np.float32)
    return normed


def genre_shares(
    rows: NDArray[np.int32], strengths: NDArray[np.float32], catalogue: Catalogue
) -> NDArray[np.float32]:
    """float32 (genres,): each genre's share; a track splits its strength over its genres."""
    sets = np.bincount(
        catalogue.genre_sets[rows], strengths, minlength=catalogue.genre_matrix.shape[0]
    )
    shares = catalogue.sets_of_genres @ sets.astype(np.float32)
    normed: NDArray[np.float32] = (shares / max(float(strengths.sum()), 1e-9)).astype(np.float32)
    return normed


def audio_means(
    rows: NDArray[np.int32], strengths: NDArray[np.float32], catalogue: Catalogue
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weighted mean and spread of every feature, float32 (9,) each; NaN where nothing is known."""
    values = np.ascontiguousarray(catalogue.features_by_row[rows].T, np.float64)
    weights = np.where(np.isnan(values), 0.0, strengths)
    total = weights.sum(axis=1)
    values[np.isnan(values)] = 0
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN we want
        mean = (values * weights).sum(axis=1) / total
        spread = np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1) / total)
    return mean.astype(np.float32), spread.astype(np.float32)


def _audio(
    rows: NDArray[np.int32], strengths: NDArray[np.float32], catalogue: Catalogue
) -> dict[str, FeaturePreference]:
    mean, spread = audio_means(rows, strengths, catalogue)
    return {
        name: FeaturePreference(round(float(mean[i]), 4), round(float(spread[i]), 4))
        for i, name in enumerate(FEATURES)
        if np.isfinite(mean[i])
    }


def _top(shares: NDArray[np.float32], names: list[str]) -> list[Taste]:
    best = np.argsort(-shares, kind="stable")[:TOP]
    return [Taste(names[code], round(float(shares[code]), 4)) for code in best if shares[code] > 0]


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
