"""All listens as one sparse matrix: what a fit starts from."""

from collections.abc import AsyncIterator

import numpy as np
from msgspec import Struct
from scipy.sparse import csr_array

from service.domain import Listen, is_somebody
from service.model.catalogue import Catalogue
from service.profile.strength import strength, verdict


class Interactions(Struct, frozen=True):
    """Net positive strength of user u for row i, clipped to 1; users in id order."""

    users: list[str]
    matrix: csr_array  # float32 (users, tracks)


async def read_interactions(
    batches: AsyncIterator[list[Listen]], catalogue: Catalogue
) -> Interactions:
    """Fold every user's listens; dislikes and skips cancel plays, and what ends below 0 goes."""
    net: dict[tuple[int, int], float] = {}
    since: dict[tuple[int, int], float] = {}  # of pairs whose latest verdict is "no": from it on
    users: dict[str, int] = {}
    durations = catalogue.durations_ms.tolist()
    async for batch in batches:
        for listen in batch:
            row = catalogue.row(listen.track_id)
            if row is None or not is_somebody(listen.user_id):
                continue
            pair = (users.setdefault(listen.user_id, len(users)), row)
            said, counts = verdict(listen), strength(listen, durations[row])
            net[pair] = net.get(pair, 0.0) + counts
            if said is False:
                since[pair] = counts
            elif said:
                since.pop(pair, None)
            elif pair in since:
                since[pair] += counts
    net |= since
    pairs = np.array(list(net), np.int64).reshape(-1, 2)
    strengths = np.clip(np.fromiter(net.values(), np.float32, len(net)), None, 1)
    liked = strengths > 0
    shape = (len(users), catalogue.size)
    matrix = csr_array((strengths[liked], (pairs[liked, 0], pairs[liked, 1])), shape=shape)
    matrix.sort_indices()
    return Interactions(list(users), matrix.astype(np.float32))
