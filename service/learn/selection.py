"""Chooses the weights of the blend on plays that were held out; nothing here is given test rows."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from core.blend import standardise
from core.evaluation import ndcg
from core.topk import topk
from service.domain import Part
from service.learn.evaluation import listener_of, parts_of, truth_of
from service.learn.latent import LATENT
from service.model.current import View
from service.model.version import BlendWeights

SHARE, SEED = 0.1, 1
MOST_USERS = 2_000
CANDIDATES = 200
"""Of every part the best rows of a listener are candidates; what none of them has near the top, no
blend has there either, and a catalogue of any size takes the same memory."""
STEPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5)
ROUNDS = 2
SURE = 2.0
"""Standard errors by which a change of weight must win over the same users: less is noise."""
CONTENT: tuple[Part, ...] = ("artist", "genre", "audio", "trending")
CHOSEN = LATENT + CONTENT
LEAST = 0.01
"""No part of the content is turned off for good: it may be all there is to go by for a new listener
or track."""


class Candidates(Struct, frozen=True):
    """The rows that may be shown to each user, and what each part says about them."""

    rows: list[NDArray[np.int32]]  # ascending
    scores: list[NDArray[np.float32]]  # (parts, rows) standardised
    names: list[Part]


def hold_out(matrix: csr_array) -> tuple[csr_array, csr_array]:
    """Split user-track pairs by lot into nine tenths to fit on and one tenth to choose by."""
    return split(matrix, np.random.default_rng(SEED).random(matrix.nnz) < SHARE)


def split(matrix: csr_array, held: NDArray[np.bool_]) -> tuple[csr_array, csr_array]:
    """The pairs without those that are held, and those; `held` is in the order of the data."""
    pairs = matrix.tocoo()
    return _pairs(pairs, ~held), _pairs(pairs, held)


def choose_blend(
    view: View,
    heard: csr_array,
    held_out: csr_array,
    *,
    k: int,
    progress: Callable[[float], None],
) -> BlendWeights:
    """Coordinate search over the weights by NDCG@k on `held_out`, collaborative fixed at 1.

    The spectral part and the factors take whatever is best. What else there is starts low and
    stays there unless more is better for sure: `online` at 0, content at `LEAST`.
    """
    users = sample(held_out)
    if not users.size:
        return BlendWeights()
    found, truth = _candidates(view, heard, users), truth_of(held_out[users])

    def quality(weights: BlendWeights) -> NDArray[np.float64]:
        vector = np.array([getattr(weights, name) for name in found.names], np.float32)
        shown = np.full((users.size, k), -1, np.int32)
        for place, (rows, scores) in enumerate(zip(found.rows, found.scores, strict=True)):
            best, _ = topk(vector @ scores, k=k)
            shown[place, : len(best)] = rows[best]
        return ndcg(shown, truth)

    weights = structs.replace(BlendWeights(), **dict.fromkeys(CONTENT, LEAST))
    best = quality(weights)
    tries = ROUNDS * len(CHOSEN) * len(STEPS)
    for turn in range(tries):
        name = CHOSEN[turn // len(STEPS) % len(CHOSEN)]
        step = max(STEPS[turn % len(STEPS)], LEAST if name in CONTENT else 0.0)
        candidate = structs.replace(weights, **{name: step})
        sure = 0.0 if name in ("spectral", "factors") else SURE
        if _wins(value := quality(candidate), best, sure):
            best, weights = value, candidate
        progress((turn + 1) / tries)
    return weights


def _wins(candidate: NDArray[np.float64], best: NDArray[np.float64], sure: float) -> bool:
    gain = candidate - best
    return bool(gain.mean() > sure * gain.std() / np.sqrt(gain.size))


def sample(held_out: csr_array) -> NDArray[np.int64]:
    """Users with something held out, in a fixed random order, as many as time allows."""
    users = np.flatnonzero(np.diff(held_out.indptr))
    return np.sort(np.random.default_rng(SEED).permutation(users)[:MOST_USERS])


def _candidates(
    view: View, heard: csr_array, users: Sequence[int] | NDArray[np.int64]
) -> Candidates:
    names: list[Part] = ["collaborative", *CHOSEN]
    found = Candidates([], [], names)
    for user in users:
        listener = listener_of(heard, int(user))
        scores = np.zeros((len(names), view.catalogue.size), np.float32)
        best: list[NDArray[np.int32]] = []
        for name, of_part in parts_of(view, listener).items():
            standard = np.nan_to_num(standardise(of_part))
            scores[names.index(name)] = standard
            standard[listener.history.rows] = -np.inf
            best.append(topk(standard, k=CANDIDATES)[0])
        rows = np.unique(np.concatenate(best)).astype(np.int32)
        found.rows.append(rows)
        found.scores.append(np.ascontiguousarray(scores[:, rows]))
    return found


def _pairs(pairs: coo_array, kept: NDArray[np.bool_]) -> csr_array:
    places = pairs.row[kept], pairs.col[kept]
    split = csr_array((pairs.data[kept].astype(np.float32), places), shape=pairs.shape)
    split.sort_indices()
    return split
