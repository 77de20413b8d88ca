"""The cells that can hold one of the best k, nearest first, and in them the rows.

What a cell (`core.cells`) has at least of a query's weighted gaps rules out most cells before a row
is read. Cells are read in rounds: those within a small sum, then within four times as much, and so
on up to the limit that the k-th best so far sets (`core.nearest` has the arithmetic). So how rows
are sorted makes no difference.
"""

import numpy as np

from core.cells import NOBODY
from core.gaps import scan, similarity
from core.kernel import kernel
from core.keys import cut, key_of, push, score_of
from core.quantised import STEPS
from core.simd import lowest
from core.tiles import TILE, gaps_within, known_gaps_within

SAMPLED = 8  # every so many cells say where to begin: with those within the second least of them
CHUNK = 128  # cells passed over at once when none of them is in question
FARTHER = 4  # how much farther each further round goes
FEW = 2  # rows of a tile scored one by one; more, and the whole tile is scored in vectors
# Rows that wait to be scored one by one. Each is six lines of memory, and one row's lines come
# while another's are still under way. With `core.keys.ROOM` 32 instead of 128 as well, a call on
# 1M x 6 fell from 0.29 to 0.25 ms in cache and from 0.63 to 0.57 ms out of it.
WAITING = 16
# Rows scored one by one before a query is answered by a plain scan of float32 instead: all 1M rows
# take 8 ms this way and 2.4 ms that way.
PATIENCE, PATIENT = 1 << 14, 16
FAR = np.int32(2147483647)
ROOMY = WAITING + TILE
WHOLE = 127  # the greatest weight


@kernel
def search(prepared, asked, options, gaps, highest, keys, k):  # type: ignore[no-untyped-def]
    """Leave the best `k` keys in front of `keys`; False when bytes rule out too few rows."""
    features, order, tiles, missing = prepared
    codes, steps, bounds, query = asked[2:]
    eligible, bias = options
    scratch = np.empty(ROOMY, np.int64), np.empty(ROOMY, np.float32), np.empty(TILE, np.float32)
    cells, size = np.empty(gaps.size + 1, np.int32), codes.shape[1] * TILE
    filled, waiting, reached = k, 0, -1
    limit, absent = _limit(keys[0], highest, bounds)
    farthest = _begin(gaps)
    last = WHOLE * STEPS * codes.shape[1]  # no cell is farther, but what fills the last chunk is
    scored, most_scored = 0, max(PATIENCE, features.shape[1] // PATIENT)
    while reached < min(limit, last):
        for cell in cells[: _between(gaps, reached, min(limit, farthest, last), cells)]:
            if gaps[cell // CHUNK, cell % CHUNK] > limit:
                continue
            rows = order[cell * TILE : (cell + 1) * TILE]
            most, instead = limit, absent
            if bias.size:
                most, instead = _limit(keys[0], _highest(bias, rows), bounds)
            if missing:
                at = cell * size
                mask = known_gaps_within(tiles, at, codes, steps, query, most, instead)
            else:
                mask = gaps_within(tiles, cell * size, codes, steps, query, most)
            if not mask:
                continue
            if rows[TILE - 1] - rows[0] == TILE - 1 and not _few(mask):
                wanted = rows[0], _allowed(mask, eligible[rows[0] : rows[0] + TILE])
                filled = _offer_tile(features, asked, wanted, bias, scratch, keys, filled, k)
                scored += TILE
            else:
                waiting = _wait(rows, mask, eligible, scratch[0], waiting)
                if waiting < WAITING:
                    continue
                filled = _offer_rows(features, asked, bias, scratch, waiting, keys, filled, k)
                scored, waiting = scored + waiting, 0
            if scored > most_scored:
                return False
            limit, absent = _limit(keys[0], highest, bounds)
        filled = _offer_rows(features, asked, bias, scratch, waiting, keys, filled, k)
        filled, waiting = cut(keys, filled, k), 0
        limit, absent = _limit(keys[0], highest, bounds)
        reached, farthest = farthest, FARTHER * farthest + 1
    return True


@kernel
def _begin(gaps):  # type: ignore[no-untyped-def]
    """Return a sum that some cells, but few, are within."""
    least = second = FAR
    for chunk in range(gaps.shape[0]):
        for at in range(0, CHUNK, SAMPLED):
            gap = gaps[chunk, at]
            if gap < least:
                least, second = gap, least
            elif gap < second:
                second = gap
    return np.int64(second)


@kernel
def _between(gaps, above, most, cells):  # type: ignore[no-untyped-def]
    """Write which cells have a sum above `above` and at most `most`; return how many."""
    count = 0
    for chunk in range(gaps.shape[0]):
        if _any_between(gaps, chunk, np.int32(above), np.int32(most)):
            for at in range(CHUNK):
                cells[count] = chunk * CHUNK + at
                count += above < gaps[chunk, at] <= most
    return count


@kernel
def _any_between(gaps, chunk, above, most):  # type: ignore[no-untyped-def]
    found = np.int32(0)
    for at in range(CHUNK):
        found |= np.int32(gaps[chunk, at] > above) & np.int32(gaps[chunk, at] <= most)
    return found


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
def _highest(bias, rows):  # type: ignore[no-untyped-def]
    """Return the greatest bias of `rows`."""
    most = np.float32(-np.inf)
    for row in rows:
        if row != NOBODY and bias[row] > most:
            most = bias[row]
    return most


@kernel
def _few(mask):  # type: ignore[no-untyped-def]
    for _ in range(FEW):
        mask &= mask - np.uint64(1)
    return mask == 0


@kernel
def _wait(rows, mask, eligible, waiting, count):  # type: ignore[no-untyped-def]
    """Put the rows of `mask` behind the `count` that wait; return how many wait now."""
    while mask:
        row = rows[lowest(mask)]
        mask &= mask - np.uint64(1)
        if row != NOBODY and (eligible.size == 0 or eligible[row]):
            waiting[count] = row
            count += 1
    return count


@kernel
def _offer_rows(features, asked, bias, scratch, count, keys, filled, k):  # type: ignore[no-untyped-def]
    """Push the exact keys of the rows that wait."""
    rows, near, _ = scratch
    for at in range(count):
        near[at] = similarity(features, asked[0], asked[1], rows[at])
    for at in range(count):
        score = near[at] + bias[rows[at]] if bias.size else near[at]
        if score > -np.inf:  # false for NaN
            key = key_of(score, rows[at])
            if key > keys[0]:
                filled = push(keys, filled, k, key)
    return filled


@kernel
def _offer_tile(features, asked, wanted, bias, scratch, keys, filled, k):  # type: ignore[no-untyped-def]
    """Push the exact keys of the rows behind `first` that the mask of `wanted` has."""
    _, near, shared = scratch
    first, mask = wanted
    scan(features, asked[0], asked[1], first, near[:TILE], shared)
    while mask:
        at = lowest(mask)
        mask &= mask - np.uint64(1)
        score = near[at] + bias[first + at] if bias.size else near[at]
        if score > -np.inf:  # false for NaN
            key = key_of(score, first + at)
            if key > keys[0]:
                filled = push(keys, filled, k, key)
    return filled


@kernel
def _allowed(mask, eligible):  # type: ignore[no-untyped-def]
    """Return `mask` without rows that are not eligible; as it is when nobody said who is."""
    left = mask if eligible.size else np.uint64(0)
    while left:
        at = lowest(left)
        left &= left - np.uint64(1)
        if not eligible[at]:
            mask &= ~(np.uint64(1) << np.uint64(at))
    return mask
