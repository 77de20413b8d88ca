"""The search of `core.sums`: bounds for all rows, scores for few.

The bound of a row is what it has for sure plus the most that anything else could add: the greatest
entry of each table, a similarity of 1, and the norms of row and query for a product. Some promising
rows are scored first; then whatever has a bound that reaches the k-th best of those.
"""

import numpy as np

from core.embedding import LEADERS
from core.kernel import kernel
from core.keys import EMPTY, cut, key_of, row_of, score_of
from core.sum_rows import ZERO, add_products, add_up, sums
from core.topk import CHUNK, offer

BLOCK = 2048  # rows at a time: 8 KB, which stays in L1
SLACK, PRODUCT_SLACK = np.float32(1e-5), np.float32(1 + 1e-4)  # of float32 sums of some hundred
LOWEST = np.float32(-np.finfo(np.float32).max)


@kernel
def search(total, allowed, prices, share, keys, k, seeds):  # type: ignore[no-untyped-def]
    """Fill `keys` with the best `k` after the charge; return how much of it is filled."""
    n = total[5][0].shape[0]
    if k == 0:
        return 0
    bounds, reaches = np.empty(n, np.float32), _reaches(total)
    rows = _promising(total, reaches, allowed, bounds, max(seeds, k))
    scores = np.empty(rows.size, np.float32)
    sums(total, rows, scores)
    charge, none = ZERO, prices[:0]
    if prices.size:
        one = np.full(2 * CHUNK + 2, EMPTY, np.int64)
        filled = _collect(total, reaches, none, ZERO, bounds, _least(scores, 1), one, 1)
        cut(one, filled, 1)
        best = score_of(one[0])
        if 0 < best < np.inf:
            charge = share * best
            _charge(prices, charge, bounds)
            for at in range(rows.size):
                scores[at] -= charge * prices[rows[at]]
    paid = prices if charge != 0 else none
    return _collect(total, reaches, paid, charge, bounds, _least(scores, k), keys, k)


@kernel
def _promising(total, reaches, allowed, bounds, many):  # type: ignore[no-untyped-def]
    """Fill the bounds of all rows; return some that may come out near the top, no row twice.

    Those are the rows with the best sure part, and the greatest ones of each product.
    """
    block, more = np.empty(BLOCK, np.float32), _more(total)
    keys, filled = np.full(many + 4 * CHUNK, EMPTY, np.int64), many
    for start in range(0, bounds.size, BLOCK):
        stop = min(start + BLOCK, bounds.size)
        sure = block[: stop - start]
        _sure(total, allowed, start, sure)
        filled = offer(sure, start, keys, filled, many)
        _bound(total, reaches, more, start, sure, bounds[start:stop])
    cut(keys, filled, many)
    every, found = np.empty(many + 2 * LEADERS, np.int64), 0
    for at in range(many):
        if keys[at] > EMPTY:
            every[found] = row_of(keys[at])
            found += 1
    for _, _, leaders, _, _ in total[6]:
        for row in leaders:
            if bounds[row] > -np.inf:  # allowed
                every[found] = row
                found += 1
    return _distinct(np.sort(every[:found]))


@kernel
def _distinct(ascending):  # type: ignore[no-untyped-def]
    kept = 0
    for at in range(ascending.size):
        if at == 0 or ascending[at] != ascending[at - 1]:
            ascending[kept] = ascending[at]
            kept += 1
    return ascending[:kept]


@kernel
def _sure(total, allowed, start, sure):  # type: ignore[no-untyped-def]
    """Write flats, flags and tables of rows from `start` on, -inf where one is not allowed."""
    flats, weights, flags, constant = total[0], total[1], total[2], total[3]
    stop = start + sure.size
    sure[:] = ZERO
    for part, flat in enumerate(flats):
        if flat.size:
            _add_flat(flat[start:stop], weights[part, 0], sure)
    _add_flags(flags[start:stop], constant, sure)
    for table, codes in total[4]:
        if table.size:
            _add_table(table, codes[start:stop], sure)
    if allowed.size:
        _exclude(allowed[start:stop], sure)


@kernel
def _add_flat(flat, weight, sure):  # type: ignore[no-untyped-def]
    for row in range(sure.size):
        value = weight * flat[row]
        sure[row] += ZERO if np.isnan(value) else value


@kernel
def _add_flags(flags, constant, sure):  # type: ignore[no-untyped-def]
    for row in range(flags.size):
        sure[row] += constant if flags[row] else ZERO


@kernel
def _add_table(table, codes, sure):  # type: ignore[no-untyped-def]
    last = table.size - 1
    for row in range(sure.size):
        code = codes[row]
        sure[row] += table[code if code >= 0 else last]


@kernel
def _exclude(allowed, sure):  # type: ignore[no-untyped-def]
    for row in range(sure.size):
        sure[row] = sure[row] if allowed[row] else np.float32(-np.inf)


@kernel
def _more(total):  # type: ignore[no-untyped-def]
    """Return the most that nearnesses and constants of products add to any row."""
    more, affine = ZERO, total[5][3]
    for place in range(affine.shape[0]):
        if affine[place, 2] == 0:
            more += max(affine[place, 1], affine[place, 0] + affine[place, 1], ZERO)
    for _, norms, _, _, shift in total[6]:
        if norms.size:
            more += max(shift, ZERO)
    return more


@kernel
def _bound(total, reaches, more, start, sure, bound):  # type: ignore[no-untyped-def]
    for at in range(sure.size):
        bound[at] = sure[at] + more + SLACK * (abs(sure[at]) + more)
    for part, (_, norms, _, _, _) in enumerate(total[6]):
        some = norms[start : start + sure.size]
        if some.size:
            _widen(some, reaches[part], bound)


@kernel
def _widen(norms, reach, bounds):  # type: ignore[no-untyped-def]
    for row in range(norms.size):
        bounds[row] += reach * norms[row]


@kernel
def _reaches(total):  # type: ignore[no-untyped-def]
    """Return the norm of each query, rounded up."""
    reaches = np.zeros(2, np.float32)
    for part, (_, _, _, query, _) in enumerate(total[6]):
        square = 0.0
        for value in query:
            square += float(value) * float(value)
        reaches[part] = np.float32(np.sqrt(square)) * PRODUCT_SLACK
    return reaches


@kernel
def _least(scores, k):  # type: ignore[no-untyped-def]
    """Return a score that the k-th best row reaches for sure."""
    known = scores[scores > -np.inf]
    return np.partition(known, known.size - k)[known.size - k] if known.size >= k else LOWEST


@kernel
def _charge(prices, charge, bounds):  # type: ignore[no-untyped-def]
    for row in range(bounds.size):
        price = charge * prices[row]
        bounds[row] += SLACK * abs(price) - price


@kernel
def _collect(total, reaches, prices, charge, bounds, least, keys, k):  # type: ignore[no-untyped-def]
    """Collect the keys of rows that reach `least`; return how much of `keys` is filled."""
    threshold, filled, some = least, k, 0
    waiting, scores = np.empty(2 * CHUNK, np.int64), np.empty(2 * CHUNK, np.float32)
    said = np.empty(2 * CHUNK, np.bool_)
    for start in range(0, bounds.size, CHUNK):
        chunk = bounds[start : start + CHUNK]
        if _any_reaches(chunk, threshold):
            for at in range(chunk.size):
                waiting[some] = start + at
                some += chunk[at] >= threshold
        if some < CHUNK and start + CHUNK < bounds.size:
            continue  # many at once: part by part, and memory is asked ahead
        add_up(total, waiting[:some], scores, said)
        paid = prices, charge
        some = _still(total, reaches, paid, waiting[:some], scores, said, threshold)
        add_products(total, waiting[:some], scores, said)
        for at in range(some if prices.size else 0):
            scores[at] -= charge * prices[waiting[at]]
        if filled + some > keys.size or filled >= 2 * k:
            filled = cut(keys, filled, k)
            threshold = max(least, score_of(keys[0]))
        for at in range(some):
            if said[at] and scores[at] >= threshold:
                keys[filled] = key_of(scores[at], waiting[at])
                filled += 1
        some = 0
    return filled


@kernel
def _still(total, reaches, paid, rows, scores, said, threshold):  # type: ignore[no-untyped-def]
    """Keep rows that may reach the threshold now that all but their products is known; how many."""
    kept, (one, other), (prices, charge) = 0, total[6], paid
    for at in range(rows.size):
        row = rows[at]
        price = charge * prices[row] if prices.size else ZERO
        most = scores[at] - price + SLACK * (abs(scores[at]) + abs(price))
        if row < one[1].size:
            most += reaches[0] * one[1][row] + max(one[4], ZERO)
        if row < other[1].size:
            most += reaches[1] * other[1][row] + max(other[4], ZERO)
        if most >= threshold:
            rows[kept], scores[kept], said[kept] = row, scores[at], said[at]
            kept += 1
    return kept


@kernel
def _any_reaches(chunk, threshold):  # type: ignore[no-untyped-def]
    reaches = np.int32(0)
    for at in range(chunk.size):
        reaches |= np.int32(chunk[at] >= threshold)  # no early exit: it would stop vectorisation
    return reaches != 0
