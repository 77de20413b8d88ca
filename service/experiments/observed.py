"""What the users of an experiment did, as columns: from listens and shown lists to arrays.

A user's whole history is here, so that what they did before is known too: which track they had
never heard, and what their metric was.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.arrays import F64, I32, I64
from service.domain import HEARD_MS, Action, Listen, ShownList, milliseconds
from service.model.catalogue import Catalogue

Flags = NDArray[np.bool_]

CLICK_MS = 24 * 3_600_000
ACTIONS: tuple[Action, ...] = ("play", "skip", "rating")
PLAY, SKIP, RATING = range(len(ACTIONS))
"""Likes and saves are no plays; what they change shows in what is played."""


class Observed(Struct, frozen=True):
    """A batch of users; events and lists are by user, then by time."""

    first: I64  # (users,) ms: when they first saw a list of the experiment
    user: I32  # (events,) of this and the seven below
    at: I64  # ms
    action: NDArray[np.int8]
    seconds: F64  # that were played; NaN where nobody said and the track has no length
    share: F64  # of the track that was played, 0..1; NaN likewise
    rating: F64  # 0.5..5, NaN for what is no rating
    artist: I32
    fresh: Flags  # a play of a track that the user had never played
    list_user: I32  # (lists,) of this and the three below
    list_at: I64  # ms
    list_ms: F64  # until the answer was there
    list_clicked: Flags  # at least one track was played from it within a day


def observe(
    shown: Mapping[str, Sequence[ShownList]],
    listens: Mapping[str, Sequence[Listen]],
    catalogue: Catalogue,
) -> Observed:
    """Columns out of what is stored of these users; each has at least one list."""
    lists = [(n, one) for n, user in enumerate(shown) for one in _by_time(shown[user])]
    events = [
        (n, one)
        for n, user in enumerate(shown)
        for one in sorted(listens.get(user, ()), key=lambda listen: (listen.at, listen.id))
        if one.timed and one.action in ACTIONS
    ]
    rows = np.array([catalogue.rows.get(one.track_id, -1) for _, one in events], np.int32)
    known = (rows >= 0) & (rows < catalogue.size)
    within = np.where(known, rows, 0)
    lengths = catalogue.durations_ms[within] if catalogue.size else np.zeros(rows.size, np.int32)
    length = np.where(known & (lengths > 0), lengths, np.nan)
    played = np.array([_ms(one) for _, one in events])
    is_play = np.array([one.action == "play" for _, one in events], np.bool_)
    played = np.where(np.isnan(played) & is_play, length, played)
    user = np.array([n for n, _ in events], np.int32)
    return Observed(
        first=np.array([min(map(_at, shown[user])) for user in shown], np.int64),
        user=user,
        at=np.array([_at(one) for _, one in events], np.int64),
        action=np.array([ACTIONS.index(one.action) for _, one in events], np.int8),
        seconds=played / 1000,
        share=np.clip(played / length, 0, 1),
        rating=np.array([np.nan if one.rating is None else one.rating for _, one in events]),
        artist=np.where(known, catalogue.artists[within], -1) if catalogue.size else rows,
        fresh=_fresh(user, [one.track_id for _, one in events], is_play),
        list_user=np.array([n for n, _ in lists], np.int32),
        list_at=np.array([_at(one) for _, one in lists], np.int64),
        list_ms=np.array([one.took_ms for _, one in lists]),
        list_clicked=_clicked(lists, events),
    )


def heard(listen: Listen) -> bool:
    """Whether it is a play of 30 s, or of a length that nobody said."""
    return listen.action == "play" and (listen.ms_played is None or listen.ms_played >= HEARD_MS)


def _fresh(user: I32, track_ids: list[str], is_play: Flags) -> Flags:
    seen, fresh = set[tuple[int, str]](), np.zeros(user.size, np.bool_)
    for place in np.flatnonzero(is_play).tolist():
        key = int(user[place]), track_ids[place]
        if key not in seen:
            seen.add(key)
            fresh[place] = True
    return fresh


def _clicked(lists: Sequence[tuple[int, ShownList]], events: Sequence[tuple[int, Listen]]) -> Flags:
    plays: dict[tuple[int, str], list[int]] = {}
    for n, listen in events:
        if listen.list_id and heard(listen):
            plays.setdefault((n, listen.list_id), []).append(_at(listen))
    return np.array(
        [
            any(0 <= at - _at(one) <= CLICK_MS for at in plays.get((n, one.list_id), ()))
            for n, one in lists
        ],
        np.bool_,
    )


def _by_time(lists: Sequence[ShownList]) -> list[ShownList]:
    return sorted(lists, key=lambda one: (one.at, one.list_id))


def _at(one: Listen | ShownList) -> int:
    return milliseconds(one.at)


def _ms(listen: Listen) -> float:
    return float("nan") if listen.ms_played is None else float(listen.ms_played)
