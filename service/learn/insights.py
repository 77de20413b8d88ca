"""What is shown to whom, how much of the catalogue that is, what rises, and when people listen."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from core.evaluation import gini, novelty
from service.model.catalogue import Catalogue
from service.model.version import Model
from service.store import HourlyPlays

BACK = timedelta(days=14)
"""How far back plays are looked at; lists are those of a day, or made now."""
WEEK = 24 * 7
HOUR_S = 3600
THURSDAY = 3  # 1970-01-01 was one, and Monday is 0
HEAD = 0.01
"""Of the catalogue, the most liked: what "head" counts the places of."""
MOST_GENRES, MOST_RISING = 12, 20
PRIOR = 5
"""Plays that either week of a track is given, so that three after none are no sensation."""
Source = Literal["shown", "made"]
"""`shown`: lists that one process has sent; `made`: lists made now, which nobody has seen."""
Name = Literal["all", "new", "light", "middle", "heavy"]
KNOWN: tuple[Name, ...] = ("light", "middle", "heavy")


class Group(Struct, frozen=True, kw_only=True):
    """What some listeners were shown; None where there is nothing to say it of."""

    name: Name
    likes: tuple[int, int] | None  # fewest and most tracks they like at the fit
    listeners: int
    lists: int
    places: int
    tracks: int  # distinct ones
    coverage: float  # distinct ones, of the catalogue
    gini: float | None  # of the places, over the catalogue
    novelty: float | None  # 0: everybody knows what they were shown; 1: one listener does
    head: float | None  # of the places, those of the most liked tracks
    artists: float | None  # distinct ones on a list


class Genre(Struct, frozen=True, kw_only=True):
    """What is shown of a genre against what is played; a track of two genres is half in each."""

    name: str
    played: float  # of all plays
    shown: float | None  # of all places


class Rising(Struct, frozen=True, kw_only=True):
    """A track that is played more this week than last."""

    id: str
    title: str
    artist: str
    this_week: int
    last_week: int
    factor: float  # with `PRIOR` plays more in either week


class Insights(Struct, frozen=True, kw_only=True):
    """Of one catalogue, as of a moment."""

    as_of: datetime
    source: Source
    catalogue: int  # tracks
    model: str | None  # its version
    all: Group
    groups: list[Group]  # new, light, middle, heavy: everybody is in one of them
    genres: list[Genre]
    rising: list[Rising]
    clock: list[list[int]]  # 7 × 24 plays by weekday, Monday first, and hour in UTC


class Lists(Struct, frozen=True):
    """Lists, and who was shown them."""

    ids: list[str]  # listeners, each once
    listeners: NDArray[np.int64]  # (lists,) place in `ids`
    numbers: NDArray[np.int64]  # (places,) of the list that each place is on
    rows: NDArray[np.int32]  # (places,) of the catalogue


class Plays(Struct, frozen=True):
    """Plays of two weeks, the second of which ends with the hour that is now."""

    rows: NDArray[np.int64]  # (n,) of the catalogue
    ages: NDArray[np.int64]  # (n,) whole hours ago, 0 to 335
    counts: NDArray[np.int64]  # (n,)
    now: int  # hours since 1970


def insights(
    lists: Lists,
    plays: Plays,
    catalogue: Catalogue,
    model: Model | None,
    *,
    source: Source,
    as_of: datetime,
) -> Insights:
    """Put all of it together."""
    kinds, bounds = kinds_of(lists.ids, model)
    artists = artists_on(lists, catalogue)
    liked = np.zeros(catalogue.size, np.int64)
    if model is not None:
        liked[: model.tracks] = model.listener_counts
    users = len(model.listeners.ids) if model is not None else 0

    def group(name: Name, kind: int | None) -> Group:
        found = kinds == kind if kind is not None else np.ones(len(lists.ids), np.bool_)
        chosen = found[lists.listeners]
        rows, counted = lists.rows[chosen[lists.numbers]], artists[chosen]
        return Group(
            name=name,
            likes=bounds[kind - 1] if kind else None,
            listeners=int(found.sum()),
            lists=int(chosen.sum()),
            artists=round(float(counted[counted > 0].mean()), 2) if counted.any() else None,
            **structs.asdict(spread(rows, liked, users)),
        )

    shown = np.bincount(lists.rows, minlength=catalogue.size)
    return Insights(
        as_of=as_of,
        source=source,
        catalogue=catalogue.size,
        model=None if model is None else model.version,
        all=group("all", None),
        groups=[group("new", 0), *(group(name, kind) for kind, name in enumerate(KNOWN, 1))],
        genres=genres(plays, shown, catalogue),
        rising=rising(plays, catalogue),
        clock=clock(plays).tolist(),
    )


def lists_of(seen: Sequence[tuple[str, NDArray[np.int32]]], size: int) -> Lists:
    """Who saw which rows, as arrays; rows that the catalogue does not reach are left out."""
    places: dict[str, int] = {}
    listeners = [places.setdefault(user_id, len(places)) for user_id, _ in seen]
    rows = np.concatenate([np.empty(0, np.int32), *(rows for _, rows in seen)])
    numbers = np.repeat(np.arange(len(seen)), [rows.size for _, rows in seen])
    known = rows < size
    return Lists(list(places), np.array(listeners, np.int64), numbers[known], rows[known])


def plays_of(hourly: HourlyPlays, catalogue: Catalogue, *, now: datetime) -> Plays:
    """What `Store.hourly_plays` found, as arrays; without tracks the catalogue does not have."""
    hour = int(now.timestamp()) // HOUR_S
    found = [
        (row, hour - int(at.timestamp()) // HOUR_S, count)
        for track_id, at, count in hourly
        if (row := catalogue.row(track_id)) is not None
    ]
    rows, ages, counts = np.array(found, np.int64).reshape(-1, 3).T
    ages = np.maximum(ages, 0)  # a device's clock may be minutes ahead
    recent = ages < 2 * WEEK
    return Plays(rows[recent], ages[recent], counts[recent], hour)


def kinds_of(
    ids: Sequence[str], model: Model | None
) -> tuple[NDArray[np.int64], list[tuple[int, int] | None]]:
    """Int64 (ids,): 0 unknown to the model, 1 to 3 its third by likes; and bounds of the thirds."""
    if model is None:
        return np.zeros(len(ids), np.int64), [None] * len(KNOWN)
    known = model.listeners.ids
    likes = np.bincount(model.listeners.by_track.users, minlength=len(known))
    third = thirds(likes)
    of = [likes[third == one] for one in range(len(KNOWN))]
    places = {user_id: place for place, user_id in enumerate(known)}
    kinds = [1 + int(third[places[one]]) if one in places else 0 for one in ids]
    bounds = [(int(some.min()), int(some.max())) if some.size else None for some in of]
    return np.array(kinds, np.int64), bounds


def thirds(likes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Int64 (users,), 0 to 2: the third each is in; who like equally many are in the same one."""
    ordered = np.sort(likes)
    middle = np.searchsorted(ordered, likes) + np.searchsorted(ordered, likes, side="right")
    found: NDArray[np.int64] = middle * 3 // max(2 * likes.size, 1)
    return found


def artists_on(lists: Lists, catalogue: Catalogue) -> NDArray[np.int64]:
    """Int64 (lists,): distinct artists on each; tracks of nobody known are by different ones."""
    named = len(catalogue.artist_names.spelled)
    artists = catalogue.artists[lists.rows].astype(np.int64)
    artists = np.where(artists < 0, named + lists.rows, artists)
    many = max(named + catalogue.size, 1)
    found = np.sort(lists.numbers * many + artists)  # `np.unique` takes 30 times as long
    first = np.diff(found, prepend=-1) != 0
    return np.bincount(found[first] // many, minlength=lists.listeners.size)


class Spread(Struct, frozen=True, kw_only=True):
    """How places are spread over the catalogue; fields as in `Group`."""

    places: int
    tracks: int
    coverage: float
    gini: float | None
    novelty: float | None
    head: float | None


def spread(rows: NDArray[np.int32], liked: NDArray[np.int64], users: int) -> Spread:
    """How places are spread.

    Args:
        rows: `(places,)`.
        liked: `(tracks,)`: how many like each track; all 0 where nobody knows.
        users: Who were asked; novelty takes two of them.
    """
    counts = np.bincount(rows, minlength=liked.size)
    tracks = int(np.count_nonzero(counts))
    most = np.argsort(-liked, kind="stable")[: int(np.ceil(HEAD * liked.size))]
    head = counts[most[liked[most] > 0]].sum()
    return Spread(
        places=rows.size,
        tracks=tracks,
        coverage=round(tracks / max(liked.size, 1), 4),
        gini=round(gini(counts), 4) if rows.size else None,
        novelty=round(novelty(rows[None], liked, users), 4) if rows.size and users > 1 else None,
        head=round(float(head) / rows.size, 4) if rows.size and liked.any() else None,
    )


def genres(plays: Plays, shown: NDArray[np.int64], catalogue: Catalogue) -> list[Genre]:
    """The most played genres, by their share of the plays; `shown` is int64 (tracks,), places."""
    played = np.zeros(catalogue.size, np.int64)
    np.add.at(played, plays.rows, plays.counts)
    of_plays, of_places = _by_genre(played, catalogue), _by_genre(shown, catalogue)
    order = np.argsort(-of_plays, kind="stable")[:MOST_GENRES]
    return [
        Genre(
            name=catalogue.genre_names.spelled[code],
            played=round(float(of_plays[code]), 4),
            shown=round(float(of_places[code]), 4) if shown.any() else None,
        )
        for code in order
        if of_plays[code]
    ]


def rising(plays: Plays, catalogue: Catalogue) -> list[Rising]:
    """Tracks played more this week than last, by factor and then by plays."""
    weeks = np.zeros((2, catalogue.size), np.int64)
    np.add.at(weeks, (plays.ages // WEEK, plays.rows), plays.counts)
    this, last = weeks
    factors = (this + PRIOR) / (last + PRIOR)
    rows = np.flatnonzero(this > last)
    order = rows[np.lexsort((rows, -this[rows], -factors[rows]))][:MOST_RISING]
    briefs = ((catalogue.briefs[row], row) for row in order)
    return [
        Rising(
            id=brief.id,
            title=brief.title,
            artist=brief.artist,
            this_week=int(this[row]),
            last_week=int(last[row]),
            factor=round(float(factors[row]), 2),
        )
        for brief, row in briefs
    ]


def clock(plays: Plays) -> NDArray[np.int64]:
    """Int64 (7, 24): plays by weekday, Monday first, and hour in UTC."""
    days, hours = np.divmod(plays.now - plays.ages, 24)
    found = np.zeros((7, 24), np.int64)
    np.add.at(found, ((days + THURSDAY) % 7, hours), plays.counts)
    return found


def _by_genre(counts: NDArray[np.int64], catalogue: Catalogue) -> NDArray[np.float64]:
    """Float64 (genres,): shares of all of `counts`, int64 (tracks,)."""
    sets, _ = catalogue.genre_matrix.shape
    of_sets = np.bincount(catalogue.genre_sets, weights=counts, minlength=sets)
    shares: NDArray[np.float64] = (of_sets @ catalogue.genre_matrix) / max(int(counts.sum()), 1)
    return shares
