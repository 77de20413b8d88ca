"""What a listen counts for in what others get: popularity, co-listening; never one's own lists.

Fake listeners are cheap in numbers and dear for long. So what one user can add is cut: a touch is
no play, a loop is a logarithm, a day has an end. And what accounts of a week can add to a track is
measured by what everybody else says about it. What one per cent of fake users do where nothing of
the kind is done: Yang et al. 2017, Fang et al. 2018, and tests/faults/test_poisoning.py.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from service.domain import HEARD_MS, Listen, counted, is_somebody

HEARD_SHARE = 0.3
"""Of a track too short for `HEARD_MS` to be a fair part of it."""
DAY = 200.0
"""What a user's day counts at most: ten hours of tracks, each played once."""
NEW_FOR = timedelta(days=7)
"""From first to last listen. With a day, fakes of three days got a track shown 6 times as often."""
FAIR = 2.0
"""New accounts may be so many times their usual share of a track's listeners."""
SEED = 4


def weights(
    listens: Sequence[Listen],
    durations_ms: Sequence[int] | NDArray[np.int32],
) -> NDArray[np.float32]:
    """float32 (n,), 0 to 1: what each listen of this batch counts, per play, for anybody else.

    A batch that holds a user's day whole gives the day's end; parts of it, each its own.

    Args:
        listens: Of any users, in any order.
        durations_ms: (n,) of their tracks, 0 where unknown.
    """
    counts = np.zeros(len(listens), np.float64)
    alike: dict[tuple[str, str, str, date | None], list[int]] = defaultdict(list)
    for place, (listen, duration_ms) in enumerate(zip(listens, durations_ms, strict=True)):
        if is_somebody(listen.user_id) and heard(listen, int(duration_ms)):
            day = listen.at.date() if listen.timed else None
            alike[listen.user_id, listen.track_id, listen.action, day].append(place)
    days: dict[tuple[str, date], list[int]] = defaultdict(list)
    for (user_id, _, _, day), places in alike.items():
        plays = sum(listens[place].plays for place in places)
        counts[places] = counted(plays) / plays
        if day is not None:
            days[user_id, day] += places
    for places in days.values():
        total = sum(counts[place] * listens[place].plays for place in places)
        counts[places] *= min(1.0, DAY / total)
    return counts.astype(np.float32)


def heard(listen: Listen, duration_ms: int) -> bool:
    """Whether a play was more than a touch; what is said outright always counts."""
    if listen.action != "play" or listen.ms_played is None:
        return True
    enough_ms = min(HEARD_MS, HEARD_SHARE * duration_ms) if duration_ms else HEARD_MS
    return listen.ms_played >= enough_ms


def fair(pairs: NDArray[np.int64], new: NDArray[np.bool_], tracks: int) -> NDArray[np.bool_]:
    """Bool (n,): which pairs of user and track stay; others are of new accounts, too many there.

    They may be `FAIR` times the share of a track's listeners that they are of all: a track that one
    established user plays cannot be made by ten of a week, a track that is new to everybody can.
    Which of them stay is drawn, so that no name is better than another.

    Args:
        pairs: int64 (n, 2) of user and track, each pair once.
        new: bool (users,).
        tracks: How many there are.
    """
    kept = np.ones(len(pairs), np.bool_)
    is_new = new[pairs[:, 0]]
    known = np.bincount(pairs[~is_new, 1], minlength=tracks)
    if not known.any():  # with nobody established there is nothing to go by
        return kept
    allowed = np.floor(FAIR * is_new.sum() / known.sum() * (known + 1))
    drawn = np.random.default_rng(SEED).permutation(len(new))
    places = np.flatnonzero(is_new)
    places = places[np.lexsort((drawn[pairs[places, 0]], pairs[places, 1]))]
    columns = pairs[places, 1]
    rank = np.arange(len(places)) - np.searchsorted(columns, columns)
    kept[places[rank >= allowed[columns]]] = False
    return kept
