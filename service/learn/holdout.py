"""Own listens as an exam: the newest tracks of every listener are what should have been shown.

A track counts for a listener from the first listen of it on, if all their listens together speak
for it. Of their tracks the last fifth is the test, of the rest the last tenth is for choosing.
Listeners without times are split at random, with a fixed seed.
"""

from collections import defaultdict
from collections.abc import AsyncIterator

import numpy as np
from scipy.sparse import csr_array

from service.domain import Listen, is_somebody
from service.errors import ModelNotReady
from service.learn.protocol import Protocol
from service.learn.recipe import Recipe
from service.model.catalogue import Catalogue
from service.profile.strength import strength

FEWEST_TRACKS = 5
"""A listener with fewer is learned from and not asked."""
FEWEST_ASKED = 2
TEST, CHOOSING, SEED = 0.2, 0.1, 0

Pairs = list[tuple[int, int]]


async def hold_out_newest(
    batches: AsyncIterator[list[Listen]], catalogue: Catalogue, *, name: str, k: int
) -> Protocol:
    """A protocol made of stored listens.

    Raises:
        ModelNotReady: too few listeners have enough tracks.
    """
    listeners: dict[str, dict[int, list[Listen]]] = defaultdict(lambda: defaultdict(list))
    async for batch in batches:
        for listen in batch:
            row = catalogue.row(listen.track_id)
            if row is not None and is_somebody(listen.user_id):
                listeners[listen.user_id][row].append(listen)
    fit: Pairs = []
    choosing: Pairs = []
    test: Pairs = []
    rng = np.random.default_rng(SEED)
    for user, user_id in enumerate(sorted(listeners)):
        pairs = [(user, row) for row in _in_order(listeners[user_id], catalogue, rng)]
        if len(pairs) < FEWEST_TRACKS:
            fit += pairs
            continue
        rest = len(pairs) - max(1, round(TEST * len(pairs)))
        known = rest - max(1, round(CHOOSING * rest))
        fit += pairs[:known]
        choosing += pairs[known:rest]
        test += pairs[rest:]
    asked = len({user for user, _ in test})
    if asked < FEWEST_ASKED:
        raise ModelNotReady(
            f"{asked} listeners have {FEWEST_TRACKS} tracks or more: too few to judge lists by;"
            " import more listens first"
        )
    shape = (len(listeners), catalogue.size)
    return Protocol(
        name=name,
        k=k,
        catalogue=catalogue,
        fit=_matrix(fit, shape),
        chosen_on=_matrix(choosing, shape),
        final=_matrix(fit + choosing, shape),
        test=_matrix(test, shape),
        recipes=[Recipe(), Recipe(directions=192)],
        bars={},
    )


def _in_order(
    tracks: dict[int, list[Listen]], catalogue: Catalogue, rng: np.random.Generator
) -> list[int]:
    """Rows that the listener likes, oldest first listen first; shuffled where times are unknown."""
    durations = catalogue.durations_ms
    liked = {
        row: heard
        for row, heard in tracks.items()
        if sum(strength(listen, int(durations[row])) for listen in heard) > 0
    }
    if all(listen.timed for heard in liked.values() for listen in heard):
        return sorted(liked, key=lambda row: (min(listen.at for listen in liked[row]), row))
    return [int(row) for row in rng.permutation(sorted(liked))]


def _matrix(pairs: Pairs, shape: tuple[int, int]) -> csr_array:
    users, rows = np.array(pairs, np.int64).reshape(-1, 2).T
    matrix = csr_array((np.ones(len(pairs), np.float32), (users, rows)), shape=shape)
    matrix.sort_indices()
    return matrix
