"""The best k by weighted similarity, from bytes first and from float32 where bytes cannot tell.

With every gap in steps of 1/254, row r can reach a similarity s only if

    sum_known w |x - t| + sum_missing w (1 - s) <= (1 - s) sum w

(multiply out the mean: a missing feature counts as if its gap were exactly the one asked for). The
left side from bytes is at most `slack` above the true one: half a step per feature for the row,
what the target lost when it was rounded, and weights rounded down to 7 bits. So a row over the
limit is out for certain, and every other row gets its float32 similarity, bit for bit that of
`core.reference`. How loose a bound is costs time, never an answer.
"""

import numpy as np

from core.cell_search import CHUNK, FAR, WHOLE, search
from core.gaps import scan_all
from core.kernel import kernel
from core.keys import EMPTY, cut, unpack
from core.keys import ROOM as SMALL_ROOM
from core.quantised import STEPS
from core.tiles import width
from core.topk import ROOM


@kernel
def nearest(  # type: ignore[no-untyped-def]
    features, order, tiles, boxes, missing, targets, weights, eligible, bias, k, rows, scores, found
):
    """Write the best `k` of each query, best first; return the first unusable query, or -1.

    One call from Python does it all: out of cache, each further dispatch costs 20 µs.

    Args:
        features: float32 `(d, n)`; this and the next four are those of a `Quantised` catalogue.
        order: int32 `(cells * 64,)`.
        tiles: uint8.
        boxes: uint8 `(2, d, cells)`.
        missing: bool.
        targets: float32 `(q, d)`; unusable when infinite.
        weights: float32 `(q, d)`; unusable when not finite, negative or without a sum above 0.
        eligible: bool `(n,)`, or `(0,)` for None.
        bias: float32 `(n,)`, or `(0,)` for None.
        k: At least 1 and at most n.
        rows: int32 `(q, k)`, filled up to `found`.
        scores: float32 `(q, k)`, likewise.
        found: int64 `(q,)`.
    """
    queries = targets.shape[0]
    for query in range(queries):
        if not _usable(targets[query], weights[query]):
            return query
    size = width(targets.shape[1])
    codes, steps = np.zeros((queries, size), np.uint8), np.zeros((queries, size), np.int8)
    bounds = np.empty((queries, 4), np.float64)
    _round(targets, weights, codes, steps, bounds)
    prepared, options = (features, order, tiles, missing), (eligible, bias)
    cells, highest = boxes.shape[2], _highest(bias)
    gaps = np.full((cells // CHUNK + 1, CHUNK), FAR, np.int32)
    keys = np.empty(k + max(k, SMALL_ROOM), np.int64)
    for query in range(queries):
        sums = gaps.reshape(-1)[:cells]
        sums[:] = 0
        for j in range(boxes.shape[1]):
            step = np.int32(steps[query, j])
            _add_gaps(boxes[0, j], boxes[1, j], codes[query, j], step, sums)
        keys[:] = EMPTY
        asked = targets[query], weights[query], codes, steps, bounds[query], query
        if not search(prepared, asked, options, gaps, highest, keys, k):
            keys = np.full(k + max(k, ROOM), EMPTY, np.int64)
            wanted = targets[query], weights[query], eligible, bias
            cut(keys, scan_all(features, *wanted, keys, k), k)
        found[query] = unpack(np.sort(keys[:k]), rows[query], scores[query])
    return -1


@kernel
def _usable(target, weights):  # type: ignore[no-untyped-def]
    """Whether a query can be answered; `core.similarity` says what is wrong with one that can't."""
    total = np.float32(0)
    for j in range(target.size):
        if np.isinf(target[j]) or not 0 <= weights[j] < np.inf:
            return False
        total += weights[j]
    return 0 < total < np.inf


@kernel
def _round(targets, weights, codes, steps, bounds):  # type: ignore[no-untyped-def]
    """Turn targets and weights into bytes, and say what that may cost.

    Per query `bounds` is: sum of weights, slack, value of one unit of a byte sum, and how far the
    float32 similarity may lie from the true one (Higham, Accuracy and Stability, section 4.2).
    """
    for query in range(targets.shape[0]):
        total, slack, greatest, least, far = 0.0, 0.0, 0.0, np.inf, 1.0
        for j in range(targets.shape[1]):
            weight, target = float(weights[query, j]), float(targets[query, j])
            if weight > 0 and not np.isnan(target):
                inside = min(max(target, 0.0), 1.0) * STEPS
                code = int(inside + 0.5)
                codes[query, j] = code
                total += weight
                slack += weight * (0.5 + abs(inside - code) + 1e-3) / STEPS
                greatest, least = max(greatest, weight), min(least, weight)
                far = max(far, abs(target))
        for j in range(targets.shape[1]):
            weight = float(weights[query, j])
            if weight > 0 and not np.isnan(targets[query, j]):
                steps[query, j] = int(weight / greatest * WHOLE * (1 - 1e-12))
        error = (2 * targets.shape[1] + 10) * 2.0**-24 * (1 + far) * 1.01
        # Products of the least float32 numbers are rounded to nothing: then nothing is bounded.
        sound = least >= 1e-30 and greatest > 0
        bounds[query, 0], bounds[query, 1] = total, slack
        bounds[query, 2] = greatest / WHOLE / STEPS if sound else 1.0
        bounds[query, 3] = error if sound else np.inf


@kernel
def _highest(bias):  # type: ignore[no-untyped-def]
    """Return the greatest bias; 0 without one."""
    most = np.float32(-np.inf if bias.size else 0)
    for value in bias:
        if value > most:  # noqa: PLR1730  # Numba's max may answer NaN
            most = value
    return most


@kernel
def _add_gaps(lower, upper, code, step, gaps):  # type: ignore[no-untyped-def]
    for cell in range(gaps.size):
        below, above = np.int32(lower[cell]) - code, code - np.int32(upper[cell])
        gaps[cell] += step * max(below, above, np.int32(0))
