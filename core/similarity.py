"""Exact nearest tracks by weighted audio features.

The similarity of row i to a target is `sum_j w_j (1 - |a_ji - t_j|) / sum_j w_j` over the
features j that both have: a missing feature costs its weight nothing. Features are scaled to 0..1,
so it is 1 for equal features and 0 for opposite ones; NaN where row and target share no weighted
feature.

All arithmetic is float32, and both sums start at 0 and add feature by feature in ascending j,
leaving out features of weight 0 and those the target lacks: the answer is the same to the bit on
every machine, and whether a catalogue is `Quantised` or not.
"""

import numpy as np

from core import checks
from core.arrays import F32, I32, I64, Flags
from core.gaps import BLOCK, scan, scan_all
from core.kernel import kernel
from core.keys import best, empty_keys
from core.nearest import nearest
from core.quantised import Quantised
from core.topk import ROOM

MOST = 8  # from an eighth of all rows on, bytes rule out too few to be worth asking
NO_FLAGS = checks.flags("eligible", np.empty(0, np.bool_), (0,))
NO_BIAS = checks.floats("bias", np.empty(0, np.float32), (0,))


def similarities(features: F32, target: F32, weights: F32) -> F32:
    """Return the similarity of every row to the target, float32 `(n,)`.

    Args:
        features: float32 `(d, n)`, feature-major and C-contiguous, scaled to 0..1; NaN is missing.
        target: float32 `(d,)`, same scale; NaN is missing.
        weights: float32 `(d,)`, not negative, with a sum above 0.

    Raises:
        ValueError: Another dtype, shape or layout, an infinite target or unusable weights.
    """
    features, target, weights = _checked(features, target, weights)
    out = np.empty(features.shape[1], np.float32)
    _similarities(features, target, weights, out)
    return out


def similar(
    features: F32 | Quantised,
    target: F32,
    weights: F32,
    k: int,
    *,
    eligible: Flags | None = None,
    bias: F32 | None = None,
) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k` by similarity + bias, best first, ties by row.

    Fewer when fewer are eligible: a row whose score is NaN or -inf never is. A catalogue that is
    asked more than a few times should be `Quantised`: the same answer in a fifteenth of the time.

    Args:
        features: As for `similarities`, or the catalogue prepared.
        target: As for `similarities`.
        weights: As for `similarities`.
        k: How many, at least 1.
        eligible: bool `(n,)`; False excludes a row. None: every row may be selected.
        bias: float32 `(n,)`, added to the similarity. None: 0.

    Raises:
        ValueError: As for `similarities`, or `k`, `eligible` or `bias` does not fit.
    """
    k = checks.whole("k", k, 1)
    if isinstance(features, Quantised) and k > features.n // MOST:
        features = features.features
    if isinstance(features, Quantised):
        rows, scores, found = _nearest(
            features, target[None], weights[None], k, eligible=eligible, bias=bias
        )
        # Not by way of `similar_batch`: out of cache its loop over one answer takes 20 µs.
        last = int(found[0])
        return rows[0, :last], scores[0, :last]
    features, target, weights = _checked(features, target, weights)
    flags, extra = _options(features.shape[1], eligible, bias)
    size = min(k, features.shape[1])
    keys = empty_keys(size, ROOM)
    return best(keys, size, scan_all(features, target, weights, flags, extra, keys, size))


def similar_batch(
    catalogue: Quantised,
    targets: F32,
    weights: F32,
    k: int,
    *,
    eligible: Flags | None = None,
    bias: F32 | None = None,
) -> list[tuple[I32, F32]]:
    """Return what `similar` returns for each target, from one pass over the catalogue.

    Args:
        catalogue: n rows of d features, prepared.
        targets: float32 `(q, d)`, each as for `similarities`.
        weights: float32 `(q, d)`, each as for `similarities`.
        k: How many for each target, at least 1.
        eligible: As for `similar`, for all targets.
        bias: As for `similar`, for all targets.

    Raises:
        ValueError: As for `similar`.
    """
    answers = _nearest(catalogue, targets, weights, k, eligible=eligible, bias=bias)
    return [(rows[:last], scores[:last]) for rows, scores, last in zip(*answers, strict=True)]


def _nearest(
    catalogue: Quantised,
    targets: F32,
    weights: F32,
    k: int,
    *,
    eligible: Flags | None,
    bias: F32 | None,
) -> tuple[I32, F32, I64]:
    """Rows and scores, (q, k) each, and how many of each query count."""
    shape = (*targets.shape[:1], catalogue.features.shape[0])
    targets = checks.copied("targets", targets, shape)
    weights = checks.copied("weights", weights, shape)
    flags, extra = _options(catalogue.n, eligible, bias)
    size = min(checks.whole("k", k, 1), catalogue.n)
    rows, scores = (
        np.empty((len(targets), size), np.int32),
        np.empty((len(targets), size), np.float32),
    )
    found = np.empty(len(targets), np.int64)
    unusable = nearest(
        catalogue.features, catalogue.order, catalogue.tiles, catalogue.boxes,
        catalogue.missing, targets, weights, flags, extra, size, rows, scores, found,
    )  # fmt: skip
    if unusable >= 0:
        _checked(catalogue.features, targets[unusable], weights[unusable])
    return rows, scores, found


def _options(n: int, eligible: Flags | None, bias: F32 | None) -> tuple[Flags, F32]:
    # Length 0 stands for None, so that one compiled signature serves all four cases.
    return (
        NO_FLAGS if eligible is None else checks.flags("eligible", eligible, (n,)),
        NO_BIAS if bias is None else checks.floats("bias", bias, (n,)),
    )


def _checked(features: F32, target: F32, weights: F32) -> tuple[F32, F32, F32]:
    if not features.flags.c_contiguous:
        raise ValueError("features must be C-contiguous: a copy per call costs more than the scan")
    features = checks.floats("features", features, ("d", "n"))
    target = checks.floats("target", target, (features.shape[0],))
    weights = checks.finite("weights", weights, (features.shape[0],))
    if np.isinf(target).any():
        raise ValueError("target must be finite or NaN")
    if (weights < 0).any() or not 0 < weights.sum() < np.inf:
        raise ValueError("weights must not be negative and their sum must be above 0 and finite")
    return features, target, weights


@kernel
def _similarities(features, target, weights, out):  # type: ignore[no-untyped-def]
    shared = np.empty(BLOCK, np.float32)
    for start in range(0, out.size, BLOCK):
        block = out[start : start + BLOCK]
        scan(features, target, weights, start, block, shared[: block.size])
