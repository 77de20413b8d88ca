"""The float32 arithmetic of a similarity (`core.similarity` says which), by blocks and by rows.

Both orders of work add the same float32 numbers in the same order, so they agree to the bit.
"""

import numpy as np

from core.kernel import kernel
from core.topk import offer

BLOCK = 2048  # three float32 blocks are 24 KB, which stays in L1
ONE, ZERO = np.float32(1), np.float32(0)


@kernel
def scan(features, target, weights, start, near, shared):  # type: ignore[no-untyped-def]
    """Write the similarities of rows `start`, `start` + 1, ... to `near`; `shared` is scratch."""
    near[:] = ZERO
    shared[:] = ZERO
    for j in range(target.size):
        if weights[j] > 0 and not np.isnan(target[j]):
            add_feature(features[j, start : start + near.size], target[j], weights[j], near, shared)
    for at in range(near.size):
        near[at] /= shared[at]  # 0 / 0 is the NaN of a row that shares nothing


# A function of its own, so that every array is one typed row slice and LLVM vectorises the loop.
@kernel
def add_feature(row, target, weight, near, shared):  # type: ignore[no-untyped-def]
    for at in range(row.size):
        gap = abs(row[at] - target)
        known = not np.isnan(gap)
        near[at] += weight * (ONE - gap) if known else ZERO
        shared[at] += weight if known else ZERO


@kernel
def similarity(features, target, weights, row):  # type: ignore[no-untyped-def]
    """Return the similarity of one row."""
    near, shared = ZERO, ZERO
    for j in range(target.size):
        if weights[j] > 0 and not np.isnan(target[j]):
            gap = abs(features[j, row] - target[j])
            if not np.isnan(gap):
                near += weights[j] * (ONE - gap)
                shared += weights[j]
    return near / shared


@kernel
def scan_all(features, target, weights, eligible, bias, keys, k):  # type: ignore[no-untyped-def]
    """Collect the keys of the best `k` of all rows; return how much of `keys` is filled."""
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
