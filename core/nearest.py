"""The best k by weighted similarity, from bytes first and from float32 where bytes cannot tell.

With every gap in steps of 1/254, row r can reach a similarity s only if

    sum_known w |x - t| + sum_missing w (1 - s) <= (1 - s) sum w

(multiply out the mean: a missing feature counts as if its gap were exactly the one asked for). The
left side from bytes is at most `slack` above the true one: half a step per feature for the row,
what the target lost when it was rounded, and weights rounded down to 7 bits. So a row over the
limit is out for certain, and every other row gets its float32 similarity, bit for bit that of
`core.reference`. How loose a bound is costs time, never an answer.

A sample of tiles over the whole catalogue is scored first: its k-th best is the first limit, which
makes the cost independent of how rows are sorted.
"""

import numpy as np

from core.arrays import F32, I64, Flags
from core.gaps import scan, similarity
from core.kernel import kernel
from core.keys import cut, key_of, push, score_of
from core.quantised import STEPS, Quantised, quads
from core.simd import TILE, gaps_within, known_gaps_within, lowest

SEEDS = 128  # tiles of the sample; 1M rows: 64 and 128 measured the same, 256 3 % slower
ALL = 0xFFFFFFFFFFFFFFFF
FEW = 2  # rows of a tile scored one by one; more, and the whole tile is scored in vectors
# Rows that wait to be scored one by one. Each is six lines of memory, and one row's lines come
# while another's are still under way. With `core.keys.ROOM` 32 instead of 128 as well, a call on
# 1M x 6 fell from 0.29 to 0.25 ms in cache and from 0.63 to 0.57 ms out of it.
WAITING = 16
WHOLE = 127  # the greatest weight


def nearest(
    catalogue: Quantised,
    targets: F32,
    weights: F32,
    eligible: Flags,
    bias: F32,
    keys: I64,
    k: int,
) -> I64:
    """Fill `keys` with the best `k` of each query; return how much of each buffer is filled.

    Every argument has been checked. Length 0 of `eligible` and `bias` stands for None.

    Args:
        catalogue: n rows of d features.
        targets: float32 `(q, d)`, finite or NaN.
        weights: float32 `(q, d)`.
        eligible: bool `(n,)` or `(0,)`.
        bias: float32 `(n,)` or `(0,)`.
        keys: int64 `(q, room)`, each row from `core.keys.empty_keys`.
        k: At least 1 and at most n.
    """
    width = 4 * quads(targets.shape[1])
    codes = np.zeros((targets.shape[0], width), np.uint8)
    steps = np.zeros((targets.shape[0], width), np.int8)
    bounds = np.empty((targets.shape[0], 4), np.float64)
    _round(targets, weights, codes, steps, bounds)
    filled = np.full(targets.shape[0], k, np.int64)
    prepared = catalogue.features, catalogue.tiles, catalogue.missing
    asked = targets, weights, codes, steps, bounds
    _nearest(prepared, asked, (eligible, bias), keys, filled, k)
    return filled


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
def _nearest(prepared, asked, options, keys, filled, k):  # type: ignore[no-untyped-def]  # noqa: C901
    features, tiles, missing = prepared
    targets, weights, codes, steps, bounds = asked
    eligible, bias = options
    n, queries, quads = features.shape[1], targets.shape[0], codes.shape[1] // 4
    count = (n + TILE - 1) // TILE
    stride = max(1, count // SEEDS)
    near, shared = np.empty(TILE, np.float32), np.empty(TILE, np.float32)
    tops = _tops(bias, count)
    waiting, count_of = np.empty((queries, WAITING + FEW), np.int64), np.zeros(queries, np.int64)
    limits, absent = np.empty(queries, np.int32), np.empty(queries, np.uint8)
    width, top = quads * 4 * TILE, np.float32(0)
    for query in range(queries):
        limits[query], absent[query] = _limit(keys[query, 0], top, bounds[query])
    for sampled in (True, False):
        # First the sample, tiles 0, stride, 2 stride, ...; then those between.
        for visit in range(0, count, stride if sampled else 1):
            if not sampled and visit % stride == 0:
                continue
            for query in range(queries):
                if tops.size:
                    top = tops[visit]
                    limits[query], absent[query] = _limit(keys[query, 0], top, bounds[query])
                at, limit = visit * width, limits[query]
                if missing:
                    mask = known_gaps_within(tiles, at, codes, steps, query, limit, absent[query])
                else:
                    mask = gaps_within(tiles, at, codes, steps, query, limit)
                if not mask:
                    continue
                mask = _left(mask, visit * TILE, n, eligible)
                if _few(mask):
                    count_of[query] = _wait(mask, visit * TILE, waiting[query], count_of[query])
                    if count_of[query] < WAITING:
                        continue
                    rows = waiting[query, : count_of[query]]
                    count_of[query] = 0
                    filled[query] = _offer_rows(
                        features, (targets[query], weights[query], rows), bias, keys[query],
                        filled[query], k, near,
                    )  # fmt: skip
                else:
                    wanted = targets[query], weights[query], visit * TILE, mask
                    filled[query] = _offer_tile(
                        features, wanted, bias, keys[query], filled[query], k, near, shared
                    )
                limits[query], absent[query] = _limit(keys[query, 0], top, bounds[query])
        for query in range(queries):
            rows = waiting[query, : count_of[query]]
            count_of[query] = 0
            filled[query] = _offer_rows(
                features, (targets[query], weights[query], rows), bias, keys[query],
                filled[query], k, near,
            )  # fmt: skip
            filled[query] = cut(keys[query], filled[query], k)
            limits[query], absent[query] = _limit(keys[query, 0], top, bounds[query])


@kernel
def _tops(bias, count):  # type: ignore[no-untyped-def]
    """Return the greatest bias of each tile, float32 `(count,)`; of length 0 without a bias."""
    tops = np.full(count if bias.size else 0, -np.inf, np.float32)
    for row in range(bias.size):
        if bias[row] > tops[row // TILE]:  # noqa: PLR1730  # Numba's max may answer NaN
            tops[row // TILE] = bias[row]
    return tops


@kernel
def _limit(key, top, bounds):  # type: ignore[no-untyped-def]
    """Return the greatest byte sum of a row that may beat `key`, and the gap of a missing value.

    Every NaN below comes from an infinite bias or score; then no row is ruled out.
    """
    asked = np.float64(score_of(key))
    # A score is similarity + bias, rounded: a similarity may be short by half a unit of the sum.
    gap = 1.0 - (asked - top - 2.0**-23 * abs(asked)) + bounds[3]
    if gap < 0:
        return np.int32(-1), np.uint8(0)
    most = (gap * bounds[0] + bounds[1]) / bounds[2] * (1 + 1e-9)
    limit = np.int32(most) if most < 2e9 else np.int32(2147483647)
    return limit, np.uint8(gap * STEPS) if gap < 1 else np.uint8(STEPS)


@kernel
def _left(mask, first, n, eligible):  # type: ignore[no-untyped-def]
    """Return `mask` without rows past the end and those that are not eligible."""
    if mask and n - first < TILE:
        mask &= (np.uint64(1) << np.uint64(n - first)) - np.uint64(1)
    if mask and eligible.size:
        mask = _allowed(mask, eligible[first : first + TILE])
    return mask


@kernel
def _few(mask):  # type: ignore[no-untyped-def]
    for _ in range(FEW):
        mask &= mask - np.uint64(1)
    return mask == 0


@kernel
def _wait(mask, first, waiting, count):  # type: ignore[no-untyped-def]
    """Put the rows of `mask` behind the `count` that wait; return how many wait now."""
    while mask:
        waiting[count] = first + lowest(mask)
        mask &= mask - np.uint64(1)
        count += 1
    return count


@kernel
def _offer_rows(features, wanted, bias, keys, filled, k, near):  # type: ignore[no-untyped-def]
    """Push the exact keys of single rows."""
    target, weights, rows = wanted
    for at in range(rows.size):
        near[at] = similarity(features, target, weights, rows[at])
    for at in range(rows.size):
        score = near[at]
        if bias.size:
            score += bias[rows[at]]
        if score > -np.inf:  # false for NaN
            key = key_of(score, rows[at])
            if key > keys[0]:
                filled = push(keys, filled, k, key)
    return filled


@kernel
def _offer_tile(features, wanted, bias, keys, filled, k, near, shared):  # type: ignore[no-untyped-def]
    """Push the exact keys of the rows of a tile that the mask of `wanted` leaves in."""
    target, weights, first, mask = wanted
    size = min(TILE, features.shape[1] - first)
    scan(features, target, weights, first, near[:size], shared[:size])
    while mask:
        at = lowest(mask)
        mask &= mask - np.uint64(1)
        score = near[at]
        if bias.size:
            score += bias[first + at]
        if score > -np.inf:  # false for NaN
            key = key_of(score, first + at)
            if key > keys[0]:
                filled = push(keys, filled, k, key)
    return filled


@kernel
def _allowed(mask, eligible):  # type: ignore[no-untyped-def]
    left = mask
    while left:
        at = lowest(left)
        left &= left - np.uint64(1)
        if not eligible[at]:
            mask &= ~(np.uint64(1) << np.uint64(at))
    return mask
