"""All listens as one sparse matrix: what a fit starts from."""

from array import array
from collections.abc import AsyncIterator
from itertools import groupby
from operator import attrgetter

import anyio.to_thread
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array

from service.domain import Listen, is_somebody
from service.learn.guards import NEW_FOR, fair, weights
from service.model.catalogue import Catalogue
from service.profile.strength import strength, verdict


class Interactions(Struct, frozen=True):
    """Net positive strength of user u for row i, clipped to 1; users in id order.

    It is what others learn from, so what guards do not believe is missing.
    """

    users: list[str]
    matrix: csr_array  # float32 (users, tracks)
    first: NDArray[np.float64] | None = None
    """float64 (pairs,) as in `matrix.data`: Unix time of the first listen; -1 without a time."""


class Folded:
    """Pairs of user and row as they come up: net strength, what of it is believed, first listen."""

    def __init__(self, catalogue: Catalogue, *, guarded: bool) -> None:
        self._catalogue, self._guarded = catalogue, guarded
        self.net, self.believed, self.first = array("d"), array("d"), array("d")
        self.places: dict[tuple[int, int], int] = {}
        self.users: dict[str, int] = {}
        self.times: list[tuple[float, float]] = []  # of each user's first and last; -1 without
        self._since: dict[int, float] = {}  # of pairs whose latest verdict is "no": from it on

    def add(self, listens: list[Listen]) -> None:
        """Listens of one user to tracks of the catalogue."""
        user = self.users.setdefault(listens[0].user_id, len(self.users))
        tracks = [self._catalogue.rows[listen.track_id] for listen in listens]
        durations = self._catalogue.durations_ms[tracks].tolist()
        shares = weights(listens, durations).tolist() if self._guarded else [1.0] * len(listens)
        times = [listen.at.timestamp() if listen.timed else -1.0 for listen in listens]
        for listen, row, at, counts in zip(
            listens, tracks, times, map(strength, listens, durations), strict=True
        ):
            self._fold(self._place(user, row, at), listen, counts)
        for listen, row, share in zip(listens, tracks, shares, strict=True):
            self.believed[self.places[user, row]] += share * listen.plays
        if user == len(self.times):
            self.times.append((min(times), max(times)))
        else:
            first, last = self.times[user]
            self.times[user] = min(first, *times), max(last, *times)

    def strengths(self) -> NDArray[np.float32]:
        """float32 (pairs,): clipped to 1 and cut to what the listens count for others."""
        net = np.array(self.net, np.float32)
        for place, counts in self._since.items():
            net[place] = counts
        strengths: NDArray[np.float32] = np.clip(net, None, 1)
        return strengths * np.clip(np.array(self.believed, np.float32), 0, 1)

    def new(self) -> NDArray[np.bool_]:
        """Bool (users,): all they did was within a week; what has no time says nothing."""
        first, last = np.array(self.times, np.float64).reshape(-1, 2).T
        return (first >= 0) & (last - first < NEW_FOR.total_seconds())

    def _place(self, user: int, row: int, at: float) -> int:
        place = self.places.setdefault((user, row), len(self.net))
        if place == len(self.net):
            self.net.append(0.0)
            self.believed.append(0.0)
            self.first.append(at)
        self.first[place] = min(self.first[place], at)
        return place

    def _fold(self, place: int, listen: Listen, counts: float) -> None:
        said = verdict(listen)
        self.net[place] += counts
        if said is False:
            self._since[place] = counts
        elif said:
            self._since.pop(place, None)
        elif place in self._since:
            self._since[place] += counts


async def read_interactions(
    batches: AsyncIterator[list[Listen]], catalogue: Catalogue, *, guarded: bool = True
) -> Interactions:
    """Fold every user's listens; dislikes and skips cancel plays, and what ends below 0 goes.

    Args:
        batches: User by user.
        catalogue: Listens to other tracks are left out.
        guarded: False believes every play, as only the control of a test should.
    """
    folded = Folded(catalogue, guarded=guarded)
    async for listens in _by_user(batches, catalogue):
        folded.add(listens)
    # Of ten million pairs it takes seconds, and requests are answered beside it.
    return await anyio.to_thread.run_sync(_interactions, folded, catalogue.size, guarded)


def _interactions(folded: Folded, tracks: int, guarded: bool) -> Interactions:  # noqa: FBT001 - from a thread
    pairs = np.array(list(folded.places), np.int64).reshape(-1, 2)
    strengths, times = folded.strengths(), np.array(folded.first)
    kept = strengths > 0
    if guarded:
        kept[kept] = fair(pairs[kept], folded.new(), tracks)
    pairs, strengths, times = pairs[kept], strengths[kept], times[kept]
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    matrix = csr_array(
        (strengths[order], (pairs[order, 0], pairs[order, 1])), shape=(len(folded.users), tracks)
    )
    matrix.sort_indices()
    return Interactions(list(folded.users), matrix.astype(np.float32), times[order])


async def _by_user(
    batches: AsyncIterator[list[Listen]], catalogue: Catalogue
) -> AsyncIterator[list[Listen]]:
    """All listens of one somebody after the other to tracks of the catalogue."""
    mine: list[Listen] = []
    async for batch in batches:
        known = (one for one in batch if catalogue.knows(one.track_id) and is_somebody(one.user_id))
        for user_id, some in groupby(known, attrgetter("user_id")):
            if mine and mine[0].user_id != user_id:
                yield mine
                mine = []
            mine += some
    if mine:
        yield mine
