"""A listener's newest listens folded into arrays: the query that every strategy answers."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.domain import Listen
from service.model.catalogue import Catalogue
from service.profile.strength import strength, verdict

NEWEST = 500
"""How many listens are folded in: bounded work per request, and taste drifts."""


class History(Struct, frozen=True, kw_only=True, dict=True):
    """Distinct tracks of a listener. Strengths are clipped to -1..1: taste, not play counts."""

    rows: NDArray[np.int32]  # (h,) every track of the listens that is in the catalogue
    strengths: NDArray[np.float32]  # (h,) net strength, -1..1
    plays: NDArray[np.float32]  # (h,) times played, skips and verdicts not counted
    disliked: NDArray[np.int32]  # (d,) rows whose latest verdict is "no"
    listens: list[Listen]  # newest first

    @cached_property
    def liked_rows(self) -> NDArray[np.int32]:
        """Rows with a positive net strength."""
        return self.rows[self.strengths > 0]

    @cached_property
    def liked_strengths(self) -> NDArray[np.float32]:
        """Strengths of `liked_rows`."""
        return self.strengths[self.strengths > 0]


def fold(listens: Sequence[Listen], catalogue: Catalogue) -> History:
    """Fold listens (newest first) of one user; tracks outside the catalogue are left out.

    A verdict against a track outweighs all that came before it, however often it was played,
    until the listener says otherwise.
    """
    net: dict[int, float] = {}
    plays: dict[int, int] = {}
    verdicts: dict[int, bool] = {}
    for listen in listens:
        row = catalogue.row(listen.track_id)
        if row is None:
            continue
        duration_ms = int(catalogue.durations_ms[row])
        if verdicts.get(row, True):
            net[row] = net.get(row, 0.0) + strength(listen, duration_ms)
        plays[row] = plays.get(row, 0) + (listen.plays if listen.action == "play" else 0)
        said = verdict(listen)
        if said is not None:
            verdicts.setdefault(row, said)
    return History(
        rows=np.fromiter(net, np.int32, len(net)),
        strengths=np.clip(np.fromiter(net.values(), np.float32, len(net)), -1, 1),
        plays=np.fromiter(plays.values(), np.float32, len(plays)),
        disliked=np.array([row for row, said in verdicts.items() if not said], np.int32),
        listens=list(listens),
    )
