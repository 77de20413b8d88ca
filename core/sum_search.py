"""The search of `core.sums`: bounds for spans of rows, then for rows, scores for few.

The bound of a span is what the greatest of each flat, table, norm and so on would give together
(`core.peaks`); that of a row is what it has for sure plus the most that anything else could add: a
similarity of 1, and the norms of row and query for a product, then what the bytes of a row say of
it (`core.coarse`). Some promising rows are scored first; then whatever has a bound that reaches the
k-th best of those.
"""

import numpy as np

from core.coarse import add_most
from core.embedding import LEADERS
from core.kernel import kernel
from core.keys import EMPTY, cut, key_of, row_of, score_of
from core.peaks import SPAN
from core.sum_rows import ZERO, add_near, add_product, add_sure, sums
from core.sum_spans import LESS, SLACK, add_tops, bound_spans, likely, nearest, reaching
from core.topk import CHUNK, offer

PRODUCT_SLACK = np.float32(1 + 1e-4)  # of float32 sums of some hundred
ROOM = 4 * CHUNK  # rows that are looked at together
LOWEST = np.float32(-np.finfo(np.float32).max)


@kernel
def search(total, allowed, priced, share, keys, k, seeds):  # type: ignore[no-untyped-def]
    """Fill `keys` with the best `k` after the charge; return how much of it is filled."""
    n = total[5][0].shape[0]
    if k == 0:
        return 0
    sure, reaches = np.empty(-(-n // SPAN), np.float32), _reaches(total)
    bounds, rest = np.empty(sure.size, np.float32), np.empty(sure.size, np.float32)
    bound_spans(total, reaches, sure, bounds, rest)
    prices, lows = priced
    rows = _promising(total, allowed, sure, max(seeds, k))
    scores = np.empty(rows.size, np.float32)
    sums(total, rows, scores)
    charge, none = ZERO, prices[:0]
    if prices.size:
        one = np.full(2 * CHUNK + 2, EMPTY, np.int64)
        free = none, ZERO
        spans = bounds, rest
        filled = _collect(total, reaches, allowed, free, spans, _least(scores, 1), one, 1)
        cut(one, filled, 1)
        best = score_of(one[0])
        if 0 < best < np.inf:
            charge = share * best
            add_tops(lows, -charge * LESS, bounds, sure)  # their sizes are wanted no more
            for at in range(rows.size):
                scores[at] -= charge * prices[rows[at]]
    paid = prices if charge != 0 else none, charge
    return _collect(total, reaches, allowed, paid, (bounds, rest), _least(scores, k), keys, k)


@kernel
def _promising(total, allowed, spans, many):  # type: ignore[no-untyped-def]
    """Return some rows that may come out near the top, no row twice.

    Those are the rows with the best sure part, looked for in the spans with the best, and the
    greatest ones of each product.
    """
    best, n = np.full(many + 4 * CHUNK, EMPTY, np.int64), total[5][0].shape[0]
    cut(best, offer(spans, 0, best, many, many), many)
    rows, some = np.empty(many * SPAN, np.int64), 0
    for key in best[:many]:
        if key > EMPTY:
            some = _put_span(row_of(key), n, allowed, rows, some)
    scores, said = np.empty(some, np.float32), np.empty(some, np.bool_)
    add_sure(total, rows[:some], scores, said)
    keys = np.full(max(some, many), EMPTY, np.int64)
    for at in range(some):
        keys[at] = key_of(scores[at], rows[at])
    cut(keys, keys.size, many)
    every, found = np.empty(many + 2 * LEADERS, np.int64), 0
    for key in keys[:many]:
        if key > EMPTY:
            every[found] = row_of(key)
            found += 1
    for _, _, _, leaders, _, _, _, _, _ in total[6]:
        for row in leaders:
            if not allowed.size or allowed[row]:
                every[found] = row
                found += 1
    return _distinct(np.sort(every[:found]))


@kernel
def _put_span(span, n, allowed, rows, some):  # type: ignore[no-untyped-def]
    """Put the allowed rows of a span at `rows[some:]`; return where they end."""
    for row in range(span * SPAN, min(span * SPAN + SPAN, n)):
        rows[some] = row
        some += 1 if not allowed.size or allowed[row] else 0
    return some


@kernel
def _distinct(ascending):  # type: ignore[no-untyped-def]
    kept = 0
    for at in range(ascending.size):
        if at == 0 or ascending[at] != ascending[at - 1]:
            ascending[kept] = ascending[at]
            kept += 1
    return ascending[:kept]


@kernel
def _reaches(total):  # type: ignore[no-untyped-def]
    """Return the norm of each query, rounded up."""
    reaches = np.zeros(2, np.float32)
    for part, (_, _, _, _, query, _, _, _, _) in enumerate(total[6]):
        square = 0.0
        for value in query:
            wide = np.float64(value)  # Numba takes float() of a float32 for a float32
            square += wide * wide
        reaches[part] = np.float32(np.sqrt(square)) * PRODUCT_SLACK
    return reaches


@kernel
def _least(scores, k):  # type: ignore[no-untyped-def]
    """Return a score that the k-th best row reaches for sure."""
    known = scores[scores > -np.inf]
    return np.partition(known, known.size - k)[known.size - k] if known.size >= k else LOWEST


@kernel
def _collect(total, reaches, allowed, paid, bounded, least, keys, k):  # type: ignore[no-untyped-def]
    """Collect the keys of rows that reach `least`; return how much of `keys` is filled."""
    threshold, filled, (bounds, rest), near = least, k, bounded, nearest(total)
    rows, scores, said = (
        np.empty(ROOM, np.int64),
        np.empty(ROOM, np.float32),
        np.empty(ROOM, np.bool_),
    )
    tops, costs = np.empty(ROOM, np.float32), np.empty(ROOM, np.float32)
    spans = reaching(bounds, threshold)
    for start in range(0, spans.size, ROOM // SPAN):  # many at once: part by part
        some = likely(
            total,
            reaches,
            paid,
            allowed,
            spans[start : start + ROOM // SPAN],
            rest,
            threshold,
            (rows, tops, costs),
        )
        add_sure(total, rows[:some], scores, said)
        some = _bound(total, near, rows[:some], scores, said, tops, costs, threshold)
        add_near(total, rows[:some], scores, said)
        some = _within(ZERO, rows[:some], scores, said, tops, costs, threshold)
        for values, norms, _, _, query, shift, _, _, _ in total[6]:
            add_product(values, norms, query, shift, rows[:some], scores, said)
        for at in range(some):
            scores[at] -= costs[at]
            if said[at] and scores[at] >= threshold:
                if filled == keys.size:
                    filled = cut(keys, filled, k)
                    threshold = max(least, score_of(keys[0]))
                keys[filled] = key_of(scores[at], rows[at])
                filled += 1
        if filled >= 2 * k:
            filled = cut(keys, filled, k)
            threshold = max(least, score_of(keys[0]))
    return filled


@kernel
def _bound(total, near, rows, scores, said, tops, costs, threshold):  # type: ignore[no-untyped-def]
    """Keep rows that may reach the threshold, by their norms and then by their bytes.

    Write to `tops` the most that products add to them; return how many there are.
    """
    shifts = ZERO
    for _, _, _, _, _, shift, _, _, _ in total[6]:
        shifts += max(shift, ZERO)
    some = _within(near + shifts, rows, scores, said, tops, costs, threshold)
    tops[:some] = ZERO
    for _, norms, _, _, _, shift, codes, steps, asked in total[6]:
        add_most(codes, steps, norms, asked, shift, rows[:some], tops)
    return _within(near, rows[:some], scores, said, tops, costs, threshold)


@kernel
def _within(near, rows, scores, said, tops, costs, threshold):  # type: ignore[no-untyped-def]
    """Keep rows that may reach the threshold with `near` and `tops`, which are of the products."""
    kept = 0
    for at in range(rows.size):
        score, top, cost = scores[at], tops[at], costs[at]
        slack = SLACK * (abs(score) + near + abs(top) + abs(cost))
        rows[kept], scores[kept], said[kept] = rows[at], score, said[at]
        tops[kept], costs[kept] = top, cost
        kept += not score + near + top - cost + slack < threshold  # NaN is no bound
    return kept
