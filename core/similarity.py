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
from core.arrays import F32, I32, Flags
from core.gaps import scan
from core.kernel import kernel
from core.keys import best, empty_keys
from core.nearest import nearest
from core.quantised import Quantised
from core.topk import ROOM, offer

BLOCK = 2048  # three float32 blocks are 24 KB, which stays in L1


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
    asked more than a few times should be `Quantised`: the same answer in a fifth of the time.

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
    if isinstance(features, Quantised):
        asked = target[None], weights[None]
        return similar_batch(features, *asked, k, eligible=eligible, bias=bias)[0]
    features, target, weights = _checked(features, target, weights)
    flags, extra = _options(features.shape[1], eligible, bias)
    size = min(checks.whole("k", k, 1), features.shape[1])
    keys = empty_keys(size, ROOM)
    return best(keys, size, _similar(features, target, weights, flags, extra, keys, size))


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
    targets = checks.floats("targets", targets, ("q", "d"))
    weights = checks.floats("weights", weights, targets.shape)
    for target, of_target in zip(targets, weights, strict=True):
        _checked(catalogue.features, target, of_target)
    flags, extra = _options(catalogue.n, eligible, bias)
    size = min(checks.whole("k", k, 1), catalogue.n)
    keys = np.tile(empty_keys(size), (len(targets), 1))
    filled = nearest(catalogue, targets, weights, flags, extra, keys, size)
    return [best(mine, size, int(used)) for mine, used in zip(keys, filled, strict=True)]


def _options(n: int, eligible: Flags | None, bias: F32 | None) -> tuple[Flags, F32]:
    # Length 0 stands for None, so that one compiled signature serves all four cases.
    flags = np.empty(0, np.bool_) if eligible is None else eligible
    extra = np.empty(0, np.float32) if bias is None else bias
    return (
        checks.flags("eligible", flags, (0 if eligible is None else n,)),
        checks.floats("bias", extra, (0 if bias is None else n,)),
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


@kernel
def _similar(features, target, weights, eligible, bias, keys, k):  # type: ignore[no-untyped-def]
    n, filled = features.shape[1], k
    scores, shared = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        block = scores[: stop - start]
        scan(features, target, weights, start, block, shared[: stop - start])
        if bias.size:
            _add_bias(bias[start:stop], block)
        if eligible.size:
            _exclude(eligible[start:stop], block)
        filled = offer(block, start, keys, filled, k)
    return filled


@kernel
def _add_bias(bias, scores):  # type: ignore[no-untyped-def]
    for at in range(scores.size):
        scores[at] += bias[at]


@kernel
def _exclude(eligible, scores):  # type: ignore[no-untyped-def]
    for at in range(scores.size):
        scores[at] = scores[at] if eligible[at] else np.float32(-np.inf)
