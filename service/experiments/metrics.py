"""What is measured of a variant: each metric as two numbers per user, whose sums make a ratio.

| metric | above | below |
|---|---|---|
| session_length | minutes of all sessions | sessions; a gap of more than 30 min ends one |
| sessions, plays | sessions; plays of 30 s | users |
| completion | shares of tracks that were played | plays and skips of a known length |
| skip_rate | skips | plays and skips |
| click_through | lists from which a track was played for 30 s within 24 h | lists served |
| discovery_rate | plays of tracks never played before | plays; users with 20 earlier plays |
| retention_7d | users who play in hours 168 to 192 after their first list | users so long in |
| rating | stars | ratings |
| diversity | different artists | plays |
| latency | ms until a list was there | lists served |

What a user did in the four weeks before their first list explains part of what they do after: it is
the covariate of `service.experiments.effect`.
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.arrays import F64, I32, I64
from service.domain import HEARD_MS
from service.experiments.observed import PLAY, RATING, SKIP, Observed
from service.experiments.sums import NOTHING, Sums, sums

Flags = NDArray[np.bool_]
Tally = dict[str, list[Sums]]
"""By metric, the sums of every arm."""

MINUTE, HOUR = 60_000, 3_600_000
GAP_MS = 30 * MINUTE
BEFORE_MS = 28 * 24 * HOUR
KNOWN_PLAYS = 20
RETURN_FROM, RETURN_TO = 168 * HOUR, 192 * HOUR
EVER = np.iinfo(np.int64).min // 2


class Metric(Struct, frozen=True):
    """How a metric is read."""

    unit: str
    more_is_better: bool = True


METRICS: Mapping[str, Metric] = {
    "session_length": Metric("min"),
    "sessions": Metric("per user"),
    "plays": Metric("per user"),
    "completion": Metric("of a track"),
    "skip_rate": Metric("of plays", more_is_better=False),
    "click_through": Metric("of lists"),
    "discovery_rate": Metric("of plays"),
    "retention_7d": Metric("of users"),
    "rating": Metric("stars"),
    "diversity": Metric("artists per play"),
    "latency": Metric("ms", more_is_better=False),
}


def tally(seen: Observed, arm: I32, arms: int, *, until: int, now: int) -> Tally:
    """Sums of every metric and arm, over what was done before `until`.

    Args:
        seen: The users.
        arm: int32 `(users,)`: the arm of each.
        arms: How many there are.
        until: Ms; the end of the experiment, or of the day that is looked at.
        now: Ms; retention of whoever came late is known only after the end.
    """
    after, before = _window(seen, seen.first, until), _window(seen, seen.first - BEFORE_MS, None)
    earlier = _count(seen, (seen.action == PLAY) & (seen.at < seen.first[seen.user]))
    everybody, in_time = np.ones(seen.first.size, np.bool_), seen.first < until
    counted: Tally = {}
    for name in METRICS:
        y, z = after[name]
        x = _covariate(name, before)
        who = everybody
        if name == "discovery_rate":
            who = earlier >= KNOWN_PLAYS
        if name == "retention_7d":
            y, z, who = _returned(seen, min(now, until + RETURN_TO))
        counted[name] = [_sums(y, z, x, who & in_time & (arm == place)) for place in range(arms)]
    return counted


def together(one: Tally, other: Tally) -> Tally:
    """The sums of two batches of users: none is in both."""
    return {
        name: [mine + theirs for mine, theirs in zip(one[name], other[name], strict=True)]
        for name in one
    }


def _sums(y: F64, z: F64, x: F64, who: Flags) -> Sums:
    return sums(y[who], z[who], x[who]) if who.any() else NOTHING


def _covariate(name: str, before: Mapping[str, tuple[F64, F64]]) -> F64:
    if name == "retention_7d":
        y, z = before["plays"]
        return np.log1p(y / z)
    y, z = before[name]
    return np.divide(y, z, out=np.zeros_like(y), where=z > 0)


def _window(seen: Observed, since: I64, until: int | None) -> dict[str, tuple[F64, F64]]:
    """Every metric of every user from their own `since` on; `until` None: to their first list."""
    end = seen.first if until is None else np.full_like(seen.first, until)
    inside = (seen.at >= since[seen.user]) & (seen.at < end[seen.user])
    lists = (seen.list_at >= since[seen.list_user]) & (seen.list_at < end[seen.list_user])
    play, skip = inside & (seen.action == PLAY), inside & (seen.action == SKIP)
    long = play & ~(seen.seconds < HEARD_MS / 1000)
    known = (play | skip) & np.isfinite(seen.share)
    rated = inside & (seen.action == RATING)
    users, plays = np.ones(seen.first.size), _count(seen, play)
    minutes, sessions = _sessions(seen, play | skip)
    served = np.bincount(seen.list_user[lists], minlength=users.size).astype(np.float64)
    return {
        "session_length": (minutes, sessions),
        "sessions": (sessions, users),
        "plays": (_count(seen, long), users),
        "completion": (_count(seen, known, seen.share), _count(seen, known)),
        "skip_rate": (_count(seen, skip), _count(seen, play | skip)),
        "click_through": (_of_lists(seen, lists, seen.list_clicked.astype(np.float64)), served),
        "discovery_rate": (_count(seen, play & seen.fresh), plays),
        "retention_7d": (users, users),
        "rating": (_count(seen, rated, seen.rating), _count(seen, rated)),
        "diversity": (_artists(seen, play), plays),
        "latency": (_of_lists(seen, lists, seen.list_ms), served),
    }


def _returned(seen: Observed, until: int) -> tuple[F64, F64, Flags]:
    start = seen.first[seen.user]
    back = (seen.at >= start + RETURN_FROM) & (seen.at < start + RETURN_TO)
    came = (_count(seen, back & (seen.action == PLAY)) > 0).astype(np.float64)
    return came, np.ones_like(came), seen.first + RETURN_TO <= until


def _sessions(seen: Observed, counted: Flags) -> tuple[F64, F64]:
    """Minutes and number of sessions of every user: from the first start to the last end."""
    places = np.flatnonzero(counted)
    user, at = seen.user[places], seen.at[places]
    end = at + (np.nan_to_num(seen.seconds[places]) * 1000).astype(np.int64)
    begins = np.ones(places.size, np.bool_)
    begins[1:] = (user[1:] != user[:-1]) | (at[1:] - end[:-1] > GAP_MS)
    number = np.cumsum(begins) - 1
    start = at[begins]
    last = np.full(start.size, EVER)
    np.maximum.at(last, number, end)
    of = user[begins]
    minutes = np.bincount(of, (last - start) / MINUTE, minlength=seen.first.size)
    return minutes.astype(np.float64), np.bincount(of, minlength=seen.first.size).astype(np.float64)


def _artists(seen: Observed, counted: Flags) -> F64:
    pairs = np.unique(np.column_stack([seen.user[counted], seen.artist[counted]]), axis=0)
    return np.bincount(pairs[:, 0], minlength=seen.first.size).astype(np.float64)


def _count(seen: Observed, which: Flags, values: F64 | None = None) -> F64:
    weights = None if values is None else values[which]
    return np.bincount(seen.user[which], weights, minlength=seen.first.size).astype(np.float64)


def _of_lists(seen: Observed, which: Flags, values: F64) -> F64:
    summed = np.bincount(seen.list_user[which], values[which], minlength=seen.first.size)
    return summed.astype(np.float64)
