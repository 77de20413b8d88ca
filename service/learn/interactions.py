"""All listens as one sparse matrix: what a fit starts from."""

from array import array
from collections.abc import AsyncIterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array

from service.domain import Listen, is_somebody
from service.model.catalogue import Catalogue
from service.profile.strength import strength, verdict


class Interactions(Struct, frozen=True):
    """Net positive strength of user u for row i, clipped to 1; users in id order."""

    users: list[str]
    matrix: csr_array  # float32 (users, tracks)
    first: NDArray[np.float64] | None = None
    """float64 (pairs,) as in `matrix.data`: Unix time of the first listen; -1 without a time."""


async def read_interactions(
    batches: AsyncIterator[list[Listen]], catalogue: Catalogue
) -> Interactions:
    """Fold every user's listens; dislikes and skips cancel plays, and what ends below 0 goes."""
    net, first = array("d"), array("d")
    places: dict[tuple[int, int], int] = {}
    since: dict[int, float] = {}  # of pairs whose latest verdict is "no": from it on
    users: dict[str, int] = {}
    durations = catalogue.durations_ms.tolist()
    async for batch in batches:
        for listen in batch:
            row = catalogue.row(listen.track_id)
            if row is None or not is_somebody(listen.user_id):
                continue
            pair = (users.setdefault(listen.user_id, len(users)), row)
            at = listen.at.timestamp() if listen.timed else -1.0
            place = places.setdefault(pair, len(net))
            if place == len(net):
                net.append(0.0)
                first.append(at)
            said, counts = verdict(listen), strength(listen, durations[row])
            net[place] += counts
            first[place] = min(first[place], at)
            if said is False:
                since[place] = counts
            elif said:
                since.pop(place, None)
            elif place in since:
                since[place] += counts
    for place, counts in since.items():
        net[place] = counts
    return _interactions(list(users), catalogue.size, places, net, first)


def _interactions(
    users: list[str],
    tracks: int,
    places: dict[tuple[int, int], int],
    net: "array[float]",
    first: "array[float]",
) -> Interactions:
    pairs = np.array(list(places), np.int64).reshape(-1, 2)
    strengths = np.clip(np.array(net, np.float32), None, 1)
    liked = strengths > 0
    pairs, strengths, times = pairs[liked], strengths[liked], np.array(first)[liked]
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    matrix = csr_array(
        (strengths[order], (pairs[order, 0], pairs[order, 1])), shape=(len(users), tracks)
    )
    matrix.sort_indices()
    return Interactions(users, matrix.astype(np.float32), times[order])
