"""The demo world's listeners: tastes, favourite artists, habits of the clock, and preferences."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from numpy.typing import NDArray

from service.domain import Demographics, Preferences, User
from service.doors.demo.catalogue import SCENES_EACH, Catalogue
from service.doors.demo.genres import GENRES

DAYS = 90
MOST_TASTES = 4
HOUR_MS = 3_600_000

PLACES = (
    ("Europe/Berlin", "DE", "de"), ("Europe/London", "GB", "en"), ("America/New_York", "US", "en"),
    ("America/Los_Angeles", "US", "en"), ("America/Sao_Paulo", "BR", "pt"),
    ("America/Mexico_City", "MX", "es"), ("Asia/Tokyo", "JP", "ja"), ("Asia/Kolkata", "IN", "hi"),
    ("Africa/Lagos", "NG", "en"), ("Australia/Sydney", "AU", "en"), ("Europe/Paris", "FR", "fr"),
    ("UTC", "IS", "is"),
)  # fmt: skip

# Habit: share of listeners, then (weekday hours, weekend hours) in which they mostly listen.
HABITS = {
    "commuter": (0.26, (7, 8, 8, 17, 18, 18), (11, 16, 20)),
    "office": (0.20, (9, 10, 11, 13, 14, 15, 16), (12, 18)),
    "evening": (0.22, (18, 19, 20, 20, 21, 21, 22), (17, 19, 20, 21, 22)),
    "night owl": (0.12, (22, 23, 0, 1, 2), (23, 0, 1, 2, 3)),
    "early bird": (0.08, (5, 6, 6, 7), (6, 7, 8, 9)),
    "weekender": (0.12, (19, 20), (10, 11, 12, 14, 15, 16, 20, 21, 22, 23) * 3),
}


class Crowd(Struct, frozen=True):
    """All listeners, by row."""

    users: list[User]
    habit: NDArray[np.int64]
    zone: NDArray[np.int64]
    activity: NDArray[np.float64]  # share of all listens, sums to 1
    skips: NDArray[np.float64]  # how likely they skip something they half like
    tastes: NDArray[np.int64]  # (n, 4) scenes
    weight: NDArray[np.float64]  # (n, 4) of each taste, 0 where there are fewer


def crowd(rng: Generator, songs: Catalogue, size: int, now: datetime) -> Crowd:
    """`size` listeners, u1 to u<size>."""
    habit = rng.choice(len(HABITS), size, p=[share for share, *_ in HABITS.values()])
    zone = rng.integers(len(PLACES), size=size)
    activity = rng.lognormal(0, 0.8, size)
    skips = rng.beta(2.2, 7.5, size)
    tastes, weight = _tastes(rng, songs, size)
    users = _users(rng, tastes, zone, now)
    return Crowd(users, habit, zone, activity / activity.sum(), skips, tastes, weight)


def offsets_ms(first_day: date) -> NDArray[np.int64]:
    """Int64 (zones, days): how far local time is ahead of UTC on each day (noon counts)."""
    noons = [
        datetime.combine(first_day + timedelta(days=day), time(12), UTC) for day in range(DAYS + 1)
    ]
    return np.array(
        [
            [
                noon.astimezone(ZoneInfo(name)).utcoffset() // timedelta(milliseconds=1)  # type: ignore[operator]
                for noon in noons
            ]
            for name, _, _ in PLACES
        ],
        np.int64,
    )


def slots(rng: Generator, first_day: date, habit: int, count: int) -> NDArray[np.int64]:
    """Int64 (count,): local hours since the first midnight at which such people start to listen."""
    _, weekday_hours, weekend_hours = list(HABITS.values())[habit]
    likely = np.full((7, 24), 0.12)
    likely[:, 2:6] = 0.02
    for day in range(7):
        np.add.at(likely[day], list(weekend_hours if day >= 5 else weekday_hours), 1.0)
    days = (first_day.weekday() + np.arange(DAYS + 1)) % 7
    grown = np.linspace(0.85, 1.15, DAYS + 1)[:, None]
    chance = (likely[days] * grown).ravel()
    return rng.choice(chance.size, count, p=chance / chance.sum())


def _tastes(
    rng: Generator, songs: Catalogue, size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Two to four scenes each, the next ones often of the same family as the first."""
    there, rows = np.unique(songs.scene, return_inverse=True)
    pull = np.bincount(rows, songs.pull)
    there, pull = there[pull > 0], pull[pull > 0]
    family = np.array([GENRES[one // SCENES_EACH].family for one in there.tolist()])
    tastes = rng.choice(there.size, (size, MOST_TASTES), p=pull / pull.sum())
    for one in range(1, MOST_TASTES):
        near = rng.random(size) < 0.55
        for name in np.unique(family):
            mine = np.flatnonzero(near & (family[tastes[:, 0]] == name))
            kin = np.flatnonzero(family == name)
            tastes[mine, one] = rng.choice(kin, mine.size)
    count = rng.choice([2, 3, 4], size, p=[0.35, 0.4, 0.25])
    weight = rng.gamma(1.6, size=(size, MOST_TASTES)) + 0.15
    weight[:, 0] += 0.6
    weight[np.arange(MOST_TASTES) >= count[:, None]] = 0
    return there[tastes], weight / weight.sum(axis=1, keepdims=True)


def _users(
    rng: Generator, tastes: NDArray[np.int64], zone: NDArray[np.int64], now: datetime
) -> list[User]:
    chance = rng.random((len(tastes), 4))
    born = rng.normal(now.year - 33, 11, len(tastes)).clip(1940, now.year - 16).astype(int)
    users = []
    for row, (explicit, told_genres, told_age, told_place) in enumerate(chance.tolist()):
        timezone, country, language = PLACES[int(zone[row])]
        genres = [GENRES[one // SCENES_EACH] for one in tastes[row].tolist()]
        users.append(
            User(
                id=f"u{row + 1}",
                timezone=timezone,
                preferences=Preferences(
                    # Who says so means it: nobody whose home is a genre with many explicit tracks.
                    explicit=explicit > 0.2 or max(genre.explicit for genre in genres) > 0.1,
                    genres=tuple(dict.fromkeys(g.name for g in genres[:2]))
                    if told_genres < 0.3
                    else (),
                ),
                demographics=Demographics(
                    birth_year=int(born[row]) if told_age < 0.5 else None,
                    country=country if told_place < 0.6 else None,
                    language=language if told_place < 0.6 else None,
                ),
            )
        )
    return users
