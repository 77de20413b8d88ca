"""Chooses the weights of the blend on plays that were held out; nothing here is given test rows."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from core.blend import standardise
from core.evaluation import ndcg
from core.topk import topk
from service.domain import Part
from service.learn.evaluation import listener_of, parts_of, truth_of
from service.model.current import View
from service.model.version import BlendWeights

SHARE, SEED = 0.1, 1
MOST_SCORES = 50_000_000  # float32 held while choosing: 200 MB
MOST_USERS = 1_500
STEPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
ROUNDS = 2
SURE = 2.0
"""Standard errors by which a change of weight must win over the same users: less is noise."""
CHOSEN: tuple[Part, ...] = ("artist", "genre", "audio", "trending")
LEAST = 0.01
"""No part is turned off for good: it may be all there is to go by for a new listener or track."""


def hold_out(matrix: csr_array) -> tuple[csr_array, csr_array]:
    """Split user-track pairs into nine tenths to fit on and one tenth to choose by."""
    pairs = matrix.tocoo()
    held = np.random.default_rng(SEED).random(pairs.nnz) < SHARE
    return _pairs(pairs, ~held), _pairs(pairs, held)


def choose_blend(
    view: View,
    heard: csr_array,
    held_out: csr_array,
    *,
    k: int,
    progress: Callable[[float], None],
) -> BlendWeights:
    """Coordinate search over the weights by NDCG@k on `held_out`, collaborative fixed at 1."""
    users = _sample(held_out, view.catalogue.size)
    if not users.size:
        return BlendWeights()
    stack, names = _stack(view, heard, users)
    truth = truth_of(held_out[users])

    def quality(weights: BlendWeights) -> NDArray[np.float64]:
        vector = np.array([getattr(weights, name) for name in names], np.float32)
        shown = np.full((users.size, k), -1, np.int32)
        for place, parts in enumerate(stack):
            rows, _ = topk(vector @ parts, k=k)
            shown[place, : len(rows)] = rows
        return ndcg(shown, truth)

    weights = structs.replace(BlendWeights(), **dict.fromkeys(CHOSEN, LEAST))
    best = quality(weights)
    tries = ROUNDS * len(CHOSEN) * len(STEPS)
    for turn in range(tries):
        name = CHOSEN[turn // len(STEPS) % len(CHOSEN)]
        candidate = structs.replace(weights, **{name: max(STEPS[turn % len(STEPS)], LEAST)})
        if _wins(value := quality(candidate), best):
            best, weights = value, candidate
        progress((turn + 1) / tries)
    return weights


def _wins(candidate: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    gain = candidate - best
    return bool(gain.mean() > SURE * gain.std() / np.sqrt(gain.size))


def _sample(held_out: csr_array, tracks: int) -> NDArray[np.int64]:
    """Users with something held out, in a fixed random order, as many as memory allows."""
    users = np.flatnonzero(np.diff(held_out.indptr))
    most = min(MOST_USERS, max(MOST_SCORES // (tracks * 5), 1))
    return np.sort(np.random.default_rng(SEED).permutation(users)[:most])


def _stack(
    view: View, heard: csr_array, users: Sequence[int] | NDArray[np.int64]
) -> tuple[NDArray[np.float32], list[Part]]:
    """float32 (users, parts, tracks) standardised, -inf where heard: a blend is one product."""
    names: list[Part] = ["collaborative", *CHOSEN]
    stack = np.zeros((len(users), len(names), view.catalogue.size), np.float32)
    for place, user in enumerate(users):
        listener = listener_of(heard, int(user))
        for name, scores in parts_of(view, listener).items():
            stack[place, names.index(name)] = np.nan_to_num(standardise(scores))
        stack[place, 0, listener.history.rows] = -np.inf
    return stack, names


def _pairs(pairs: coo_array, kept: NDArray[np.bool_]) -> csr_array:
    places = pairs.row[kept], pairs.col[kept]
    split = csr_array((pairs.data[kept].astype(np.float32), places), shape=pairs.shape)
    split.sort_indices()
    return split
