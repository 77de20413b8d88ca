"""What the demo world's listeners did in the last 90 days: sessions, repeats, skips, likes.

A listener has a shelf for each taste, drawn by pull and favourite artists; a play takes one of its
tracks, the first far more often than the last, so people repeat themselves. Some plays explore, and
in the last week some tracks trend. Everything is drawn at once, for all plays, in arrays.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from numpy.typing import NDArray

from service.domain import Action, Listen
from service.doors.demo.catalogue import Catalogue
from service.doors.demo.listeners import (
    DAYS,
    HABITS,
    HOUR_MS,
    MOST_TASTES,
    Crowd,
    offsets_ms,
    slots,
)
from service.doors.demo.occasions import DEVICES, DRIVE, OCCASIONS, occasions

Ints = NDArray[np.int64]
DAY_MS = 24 * HOUR_MS
PLAYS_PER_SESSION = 9
LONGEST_MS = 600_000  # with its pause, no track takes longer
FEEDBACK = 0.07  # of all listens
EXPLORING, RELEASED, TRENDING = 0.12, 0.03, 0.10  # of all plays; the last in the last week
ACTIONS: tuple[Action, ...] = ("play", "skip", "like", "save", "rating", "dislike")


class Sessions(Struct, frozen=True):
    """Who listened when, what for, on what, and how long; by session, listener by listener."""

    listener: Ints
    now_ms: int  # since 1970, as is the next
    start_ms: Ints
    length: Ints  # plays
    occasion: Ints
    device: Ints


class Plays(Struct, frozen=True):
    """What was played in the sessions, play by play. `liking` is 1 at best, 0 at worst."""

    session: Ints
    track: Ints
    liking: NDArray[np.float64]


def listening(
    rng: Generator, songs: Catalogue, people: Crowd, count: int, now: datetime
) -> Iterator[Listen]:
    """`count` listens, listener by listener in the order of time."""
    feedback = int(count * FEEDBACK)
    when = _sessions(rng, people, count - feedback, now)
    plays = _plays(rng, songs, people, when)
    listener = when.listener[plays.session]
    chance = people.skips[listener] * (1.9 - 1.7 * plays.liking)
    skipped = rng.random(chance.size) < chance
    full_ms = songs.duration_ms[plays.track]
    part = np.where(rng.random(chance.size) < 0.82, 1.0, rng.uniform(0.5, 0.98, chance.size))
    ms_played = np.where(
        skipped, np.minimum(rng.integers(1_500, 29_000, chance.size), full_ms), full_ms * part
    ).astype(np.int64)
    at_ms = _one_after_another(rng, when, plays, ms_played)
    action = skipped.astype(np.int64)  # 0 play, 1 skip
    told = _told(rng, plays.liking, skipped, feedback)
    action = np.append(action, _verdicts(rng, skipped[told]))
    of = np.append(np.arange(chance.size), told)
    at_ms = np.append(at_ms, at_ms[told] + ms_played[told] * 6 // 10 + 400)
    rating = np.clip(
        np.round(2 * (2.2 + 2.8 * plays.liking[of] + rng.normal(0, 0.4, of.size))), 1, 10
    )
    order = np.lexsort((at_ms, listener[of]))
    device, occasion = when.device[plays.session], when.occasion[plays.session]
    columns = (
        *(listener[of], plays.track[of], at_ms, action, ms_played[of], rating),
        *(device[of], occasion[of]),
    )
    return _listens(songs, people, *(column[order].tolist() for column in columns))


def _sessions(rng: Generator, people: Crowd, plays: int, now: datetime) -> Sessions:
    many = max(1, plays // PLAYS_PER_SESSION)
    crowd = len(people.users)
    sure = many // crowd > 0  # everybody listens at least once, where there is enough to go round
    each = sure + rng.multinomial(many - sure * crowd, people.activity)
    listener = np.repeat(np.arange(crowd), each)
    size = rng.gamma(1.3, size=many)
    length = 1 + rng.multinomial(plays - many, size / size.sum())
    first_day = (now - timedelta(days=DAYS)).date()
    midnight_ms = int(datetime.combine(first_day, datetime.min.time(), UTC).timestamp()) * 1000
    slot = np.empty(many, np.int64)
    for habit in range(len(HABITS)):
        mine = people.habit[listener] == habit
        slot[mine] = slots(rng, first_day, habit, int(mine.sum()))
    ahead_ms = offsets_ms(first_day)[people.zone[listener], slot // 24]
    start_ms = midnight_ms + slot * HOUR_MS + rng.integers(HOUR_MS, size=many) - ahead_ms
    now_ms = int(now.timestamp() * 1000)
    for _ in range(2):  # what would not be over by now happened a week earlier
        start_ms = start_ms - 7 * DAY_MS * (start_ms + length * LONGEST_MS > now_ms)
    weekday = (first_day.weekday() + slot // 24) % 7
    occasion, device = occasions(rng, people.habit[listener], slot % 24, weekday)
    return Sessions(listener, now_ms, start_ms, length, occasion, device)


def _plays(rng: Generator, songs: Catalogue, people: Crowd, when: Sessions) -> Plays:
    session = np.repeat(np.arange(when.length.size), when.length)
    listener = when.listener[session]
    taste = _taste(rng, songs, people, when)[session]
    drifted = rng.random(session.size) < 0.1
    taste[drifted] = rng.integers(2, size=int(drifted.sum()))  # everybody has two
    shelf = listener * MOST_TASTES + taste
    size, library = _libraries(
        rng, songs, people, np.bincount(listener, minlength=len(people.users))
    )
    place = rng.random(session.size) ** 1.7  # 0: the favourite of the shelf
    first = np.cumsum(size) - size
    track = library[first[shelf] + (place * size[shelf]).astype(np.int64)]
    liking = 1 - 0.6 * place
    exploring = rng.random(session.size) < EXPLORING
    track[exploring] = _drawn(rng, songs.pull, int(exploring.sum()))
    liking[exploring] = rng.uniform(0, 0.7, int(exploring.sum()))
    new = _new_releases(rng, songs, people, when, session)
    track, liking = np.where(new >= 0, new, track), np.where(new >= 0, 0.75, liking)
    return Plays(session, track, liking)


def _taste(rng: Generator, songs: Catalogue, people: Crowd, when: Sessions) -> Ints:
    """One taste a session: the listener's weights, bent by what the occasion asks for."""
    rows = np.bincount(songs.scene, minlength=int(people.tastes.max()) + 1)
    energy = np.bincount(songs.scene, songs.energy, minlength=rows.size) / np.maximum(rows, 1)
    lift = np.array(DRIVE)[when.occasion][:, None] * (energy[people.tastes[when.listener]] - 0.5)
    weight = people.weight[when.listener]
    likely = np.log(np.maximum(weight, 1e-12)) + 4 * lift + rng.gumbel(size=weight.shape)
    return np.asarray(np.where(weight > 0, likely, -np.inf).argmax(axis=1), np.int64)


def _libraries(rng: Generator, songs: Catalogue, people: Crowd, plays: Ints) -> tuple[Ints, Ints]:
    """Size of every shelf (listener × taste), and the rows on all shelves, one after the other."""
    size = 4 + rng.poisson(0.8 * plays[:, None] * people.weight).ravel()
    scene = np.repeat(people.tastes.ravel(), size)
    low, high = np.searchsorted(songs.scene, scene), np.searchsorted(songs.scene, scene, "right")
    ends = np.concatenate([[0.0], np.cumsum(songs.pull)])
    shelf = np.repeat(np.arange(size.size), size)
    seen = _within(rng, ends, low, high)
    # Half of a shelf is by its two favourite artists: those of two of its tracks.
    start = (np.cumsum(size) - size)[shelf]
    idol = seen[start + rng.integers(2, size=shelf.size)]
    key = songs.scene * (int(songs.artist.max()) + 1) + songs.artist
    low, high = np.searchsorted(key, key[idol]), np.searchsorted(key, key[idol], "right")
    return size, np.where(rng.random(shelf.size) < 0.5, _within(rng, ends, low, high), seen)


def _within(rng: Generator, ends: NDArray[np.float64], low: Ints, high: Ints) -> Ints:
    """For each range of rows, one of them, by pull; `ends` is where the pull of a row starts."""
    at = ends[low] + rng.random(low.size) * (ends[high] - ends[low])
    return np.clip(np.searchsorted(ends, at, "right") - 1, low, high - 1)


def _drawn(rng: Generator, pull: NDArray[np.float64], count: int) -> Ints:
    return rng.choice(pull.size, count, p=pull / pull.sum())


def _new_releases(
    rng: Generator, songs: Catalogue, people: Crowd, when: Sessions, session: Ints
) -> Ints:
    """The new release that is played instead, or -1. A handful of them trends in the last week."""
    new = np.full(session.size, -1)
    if not songs.recent.size:
        return new
    listener = when.listener[session]
    age_ms = when.now_ms - when.start_ms[session]
    last_week = age_ms < 7 * DAY_MS
    chance = np.where(last_week, RELEASED + TRENDING, RELEASED)
    maybe = np.flatnonzero(rng.random(listener.size) < chance)
    fans = (people.tastes[:, :, None] == songs.scene[songs.recent]).any(axis=1)
    pull = np.log(1.0 / (1 + rng.permutation(songs.recent.size)))
    # A track trends because it is played by more people lately, not because it is new.
    score = pull + 2.0 * fans[listener[maybe]] + rng.gumbel(size=(maybe.size, pull.size))
    out = age_ms[maybe][:, None] < songs.days_out * DAY_MS - DAY_MS // 2
    there = out.any(axis=1)
    new[maybe[there]] = songs.recent[np.where(out, score, -np.inf)[there].argmax(axis=1)]
    return new


def _one_after_another(rng: Generator, when: Sessions, plays: Plays, ms_played: Ints) -> Ints:
    """When each play starts: after the one before it in the session, and a short pause."""
    ends = np.cumsum(ms_played + rng.integers(300, 3_500, ms_played.size))
    starts = np.concatenate([[0], ends[:-1]])
    first = np.cumsum(when.length) - when.length
    return np.asarray((when.start_ms - starts[first])[plays.session] + starts, np.int64)


def _told(
    rng: Generator, liking: NDArray[np.float64], skipped: NDArray[np.bool_], count: int
) -> Ints:
    """The plays that made people press a button: those they like most, some they skipped."""
    urge = np.where(skipped, 0.0, 1.5 * liking) + rng.gumbel(size=liking.size)
    return np.argsort(-urge, kind="stable")[:count]


def _verdicts(rng: Generator, skipped: NDArray[np.bool_]) -> Ints:
    kind = rng.choice([2, 3, 4], skipped.size, p=[0.5, 0.22, 0.28])
    return np.where(skipped, ACTIONS.index("dislike"), kind)


def _listens(songs: Catalogue, people: Crowd, *columns: list[int]) -> Iterator[Listen]:
    users = [user.id for user in people.users]
    ids = [track.id for track in songs.tracks]
    epoch, ms = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
    for user, track, at_ms, action, ms_played, rating, device, occasion in zip(
        *columns, strict=True
    ):
        yield Listen(
            user_id=users[user],
            track_id=ids[track],
            action=ACTIONS[action],
            at=epoch + at_ms * ms,
            ms_played=ms_played if action < 2 else None,
            rating=rating / 2 if action == 4 else None,
            source="demo",
            device=DEVICES[device],
            context=OCCASIONS[occasion],
        )
