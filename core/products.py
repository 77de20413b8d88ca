"""The search of `core.mips`: bytes first, float32 where bytes cannot tell.

A block is passed over when its greatest norm times the query's cannot reach the k-th best so far
(Cauchy-Schwarz); blocks come greatest norm first. In a block that can matter, the product of bytes
is off by at most

    |query lost to bytes| · |row as bytes| + |query| · |row lost to bytes|

and every row that may reach the k-th best gets its float32 score. Where most rows of a block pass,
the bytes are not asked again for some blocks (all scores equal, say): then this is a plain scan.

A block is read once for all queries of a batch: its bytes stay in L1 meanwhile.
"""

import numpy as np

from core.arrays import F32, I32, I64, Flags
from core.caps import cut_capped
from core.factors import BLOCK, FLUSHED, MIDDLE, WHOLE, Factors
from core.kernel import kernel
from core.keys import EMPTY, cut, key_of, row_of, score_of
from core.simd import TOGETHER, ask_for, dot, dots, lowest, ones
from core.tiles import TILE, products_above, width
from core.topk import any_above

ALL = 0xFFFFFFFFFFFFFFFF
DENSE = 12  # rows of a tile from which on all of them are scored, eight at once
REST = 16  # most blocks that are scored without asking the bytes


def search(
    factors: Factors,
    queries: F32,
    k: int,
    keys: I64,
    *,
    bias: F32,
    eligible: Flags,
    excluded: tuple[I64, I32],
    artists: I32,
    cap: int,
) -> I64:
    """Fill `keys` with the best `k` of each query; return how much of each buffer is filled.

    Every argument has been checked. Length 0 of `bias`, `eligible` and `artists` stands for None.

    Args:
        factors: n rows of d factors.
        queries: Finite float32 `(q, d)`.
        k: At least 1 and at most n.
        keys: int64 `(q, room)`, each row from `core.keys.empty_keys`.
        bias: float32 `(n,)` or `(0,)`.
        eligible: bool `(n,)` or `(0,)`.
        excluded: CSR: int64 `(q + 1,)` and int32 rows, ascending and each once within a query.
        artists: int32 `(n,)`, -1 is unknown; or `(0,)`.
        cap: Rows of one artist in an answer, if there are `artists`.
    """
    codes = np.zeros((queries.shape[0], width(factors.d)), np.int8)
    sizes = np.empty((queries.shape[0], 4), np.float64)
    _round(queries, codes, sizes)
    filled = np.full(queries.shape[0], k, np.int64)
    places = np.zeros(artists.max(initial=-1) + 1, np.int32)
    bounds = factors.scales, factors.norms, factors.losses, factors.order
    options = bias, eligible, artists, cap, places
    asked = queries, codes, sizes
    _search(factors.values, factors.tiles, bounds, asked, options, excluded, keys, filled, k)
    return filled


@kernel
def _round(queries, codes, sizes):  # type: ignore[no-untyped-def]
    """Turn queries into bytes; `sizes` is the step of a byte, norm, norm lost, sum of bytes."""
    for query in range(queries.shape[0]):
        most = norm = loss = total = 0.0
        for j in range(queries.shape[1]):
            most = max(most, abs(np.float64(queries[query, j])))
        scale = most / WHOLE
        for j in range(queries.shape[1]):
            value = np.float64(queries[query, j])
            code = np.rint(value / scale) if scale > 0 else 0.0
            codes[query, j] = np.int8(code)
            norm += value * value
            loss += (value - code * scale) ** 2
            total += code
        lost = queries.shape[1] * FLUSHED
        sizes[query, 0], sizes[query, 1] = scale, np.sqrt(norm) * (1 + 1e-9) + lost
        sizes[query, 2], sizes[query, 3] = np.sqrt(loss) * (1 + 1e-9) + lost, total


@kernel
def _search(values, tiles, bounds, asked, options, excluded, keys, filled, k):  # type: ignore[no-untyped-def]  # noqa: C901
    n, queries, codes = values.shape[0], asked[0], asked[1]
    bias, eligible, artists, cap, places = options
    offsets, heard = excluded
    size = codes.shape[1] * TILE
    near, masks = np.empty(BLOCK, np.float32), np.empty(BLOCK // TILE, np.uint64)
    resting = np.zeros(queries.shape[0], np.int64)  # blocks for which the bytes are not asked,
    pause = np.ones(queries.shape[0], np.int64)  # and how many it will be next time
    for block in bounds[3]:
        first, stop = block * BLOCK, min((block + 1) * BLOCK, n)
        if eligible.size and not _any(eligible[first:stop]):
            continue
        top = _top(bias[first:stop]) if bias.size else np.float32(0)
        for query in range(queries.shape[0]):
            out = _between(heard[offsets[query] : offsets[query + 1]], first, stop)
            if out.size == stop - first:
                continue
            limit, hope, asks = _limit(
                bounds, block, asked[2][query], queries.shape[1], keys[query, 0], top
            )
            if not hope:
                continue
            asks &= resting[query] == 0
            resting[query] = max(0, resting[query] - 1)
            any_passed = np.uint64(0)
            for tile in range(BLOCK // TILE):
                start = first + tile * TILE
                masks[tile] = _rows(start, stop)
                if asks and masks[tile]:
                    at = start // TILE * size
                    masks[tile] &= products_above(tiles, at, codes, query, limit)
                any_passed |= masks[tile]
            if not any_passed:
                pause[query] = 1
                continue
            filled[query], passed = _offer(
                values, queries[query], (first, stop), masks, options, out, keys[query],
                filled[query], k, near,
            )  # fmt: skip
            if not asks:
                continue
            if 8 * passed > stop - first and keys[query, 0] > EMPTY:
                resting[query] = pause[query]
                pause[query] = min(REST, 2 * pause[query])
            else:
                pause[query] = 1
    for query in range(queries.shape[0]):
        filled[query] = _cut(keys[query], filled[query], k, artists, cap, places)


@kernel
def _rows(start, stop):  # type: ignore[no-untyped-def]
    """Return the mask of the rows of a tile that are below `stop`."""
    if stop - start >= TILE:
        return np.uint64(ALL)
    return (np.uint64(1) << np.uint64(max(0, stop - start))) - np.uint64(1)


# Once for a block, not for each tile: a call counts references of ten arrays, which takes 0.4 µs.
@kernel
def _offer(values, query, rows, masks, options, out, keys, filled, k, near):  # type: ignore[no-untyped-def]
    """Push the exact keys of the rows that the masks of a block leave in, and count those rows."""
    bias, (first, stop), passed = options[0], rows, 0
    for mask in masks:
        passed += ones(mask)
    if passed * TILE >= DENSE * (stop - first):
        _score_all(values, query, first, near[: stop - first])
        if bias.size:
            _add(bias[first:stop], near)
        if not _any_beats(near[: stop - first], score_of(keys[0]), first < row_of(keys[0])):
            return filled, passed
    else:
        _score_some(values, query, first, masks, bias, near)
    return _push(near, first, masks, options, out, keys, filled, k), passed


@kernel
def _push(near, first, masks, options, out, keys, filled, k):  # type: ignore[no-untyped-def]
    """Push the exact keys of the rows that the masks leave in and that may be shown."""
    _, eligible, artists, cap, places = options
    for tile in range(masks.size):
        mask = masks[tile]
        while mask:
            at = tile * TILE + lowest(mask)
            mask &= mask - np.uint64(1)
            row, score = first + at, near[at]
            if (eligible.size and not eligible[row]) or (out.size and _within(out, row)):
                continue
            if not score > -np.inf:  # NaN, too
                continue
            key = key_of(score, row)
            if key > keys[0] and filled == keys.size:
                filled = _cut(keys, filled, k, artists, cap, places)
            if key > keys[0]:
                keys[filled] = key
                filled += 1
    return filled


@kernel
def _score_some(values, query, first, masks, bias, near):  # type: ignore[no-untyped-def]
    """Write the scores of the rows that the masks leave in; a tile's rows are fetched together."""
    for tile in range(masks.size):
        start, left = first + tile * TILE, masks[tile]
        while left:
            ask_for(values, start + lowest(left))
            left &= left - np.uint64(1)
        left = masks[tile]
        while left:
            at = lowest(left)
            left &= left - np.uint64(1)
            near[tile * TILE + at] = dot(values, start + at, query)
            if bias.size:
                near[tile * TILE + at] += bias[start + at]


@kernel
def _score_all(values, query, first, scores):  # type: ignore[no-untyped-def]
    """Write the products of `scores.size` rows from `first` on."""
    whole = scores.size // TOGETHER * TOGETHER
    for at in range(0, whole, TOGETHER):
        dots(values, first + at, query, scores, at)
    for at in range(whole, scores.size):
        scores[at] = dot(values, first + at, query)


@kernel
def _add(bias, scores):  # type: ignore[no-untyped-def]
    for at in range(scores.size):
        scores[at] += bias[at]


@kernel
def _any_beats(scores, best, or_equals):  # type: ignore[no-untyped-def]
    return _any_from(scores, best) if or_equals else any_above(scores, best)


# One comparison each, or LLVM finds no vectors.
@kernel
def _any_from(scores, best):  # type: ignore[no-untyped-def]
    found = np.int32(0)
    for at in range(scores.size):
        found |= np.int32(scores[at] >= best)
    return found != 0


@kernel
def _cut(keys, filled, k, artists, cap, places):  # type: ignore[no-untyped-def]
    if artists.size:
        return cut_capped(keys, filled, k, artists, cap, places)
    return cut(keys, filled, k)


@kernel
def _limit(bounds, block, size, d, key, top):  # type: ignore[no-untyped-def]
    """Return the greatest product of bytes that is too small, for a row of `block` to beat `key`.

    And whether any row can beat it at all, and whether the limit rules out any.
    """
    scale, norm, loss = bounds[0][block] * size[0], bounds[1][block], bounds[2][block]
    asked = np.float64(score_of(key))
    # A score is product + bias, rounded: a product may be short by half a unit of the sum. It is
    # NaN or -inf where any product will do.
    least = asked - top - 2.0**-23 * abs(asked) - FLUSHED
    # What the additions of `dot` may lose: Higham, Accuracy and Stability, section 4.2.
    least -= 2 * d * FLUSHED + (d / 16 + 8) * 2.0**-24 * size[1] * norm
    if size[1] * norm < least:
        return np.int32(0), False, False
    least -= size[2] * (norm + loss) + size[1] * loss
    # Near the greatest float32 a partial sum may overflow: then no bound holds.
    if not least > -np.inf or not scale > 0 or not size[1] * norm < 1e37:
        return np.int32(0), True, False
    least = least / scale + MIDDLE * size[3]  # bytes of rows are 128 too great
    least -= 1e-9 * abs(least) + 1e-3
    if least < -2e9:
        return np.int32(0), True, False
    return np.int32(np.ceil(min(least, 2e9))) - np.int32(1), True, True


@kernel
def _top(bias):  # type: ignore[no-untyped-def]
    top = np.float32(-np.inf)
    for at in range(bias.size):
        top = bias[at] if bias[at] > top else top  # noqa: FURB136  # Numba's max may answer NaN
    return top


@kernel
def _any(eligible):  # type: ignore[no-untyped-def]
    found = np.uint8(0)
    for at in range(eligible.size):
        found |= np.uint8(eligible[at])
    return found != 0


@kernel
def _between(rows, first, stop):  # type: ignore[no-untyped-def]
    """Return the part of ascending rows that lies in `first` to `stop` - 1."""
    if rows.size == 0:
        return rows
    return rows[np.searchsorted(rows, first) : np.searchsorted(rows, stop)]


@kernel
def _within(rows, row):  # type: ignore[no-untyped-def]
    at = np.searchsorted(rows, row)
    return at < rows.size and rows[at] == row
