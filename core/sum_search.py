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
from core.sum_rows import ZERO, add_near, add_product, add_sure, ask, sums
from core.topk import CHUNK, offer

SLACK, PRODUCT_SLACK = np.float32(1e-5), np.float32(1 + 1e-4)  # of float32 sums of some hundred
LESS = np.float32(1 - 1e-5)
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
    _bound_spans(total, reaches, sure, bounds, rest)
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
            _add_tops(lows, -charge * LESS, bounds, sure)  # their sizes are wanted no more
            for at in range(rows.size):
                scores[at] -= charge * prices[rows[at]]
    paid = prices if charge != 0 else none, charge
    return _collect(total, reaches, allowed, paid, (bounds, rest), _least(scores, k), keys, k)


@kernel
def _bound_spans(total, reaches, sure, bounds, rest):  # type: ignore[no-untyped-def]
    """Write, for every span, a bound of its rows' flats, flags and tables, and one of their scores.

    And of `rest`: all but what products make of norms.
    Rounding is bounded by the sum of all magnitudes: where a row has a part far below the greatest
    of its span, its score is below the bound by more than what is rounded.
    """
    weights, more, base, sizes = total[1], _nearest(total), ZERO, np.zeros(sure.size, np.float32)
    sure[:] = ZERO
    for part, tops in enumerate(total[7]):
        if tops.size:
            _add_tops(tops, weights[part, 0], sure, sizes)
    if total[2].size:
        base += max(total[3], ZERO)
    for table, _, begins, order in total[4]:
        if table.size:
            base += _add_raised(table, begins, order, sure, sizes)
    for span in range(sure.size):
        sure[span] += base
        bounds[span] = sure[span]
    for part, (_, _, tops, _, _, shift, _, _, _) in enumerate(total[6]):
        _add_tops(tops, reaches[part], bounds, sizes)
        if tops.size:
            more += max(shift, ZERO)
    size = abs(base) + more
    for span in range(sure.size):
        slack = SLACK * (sizes[span] + size)
        least = more + slack if slack < np.inf else ZERO  # -inf excludes a whole span
        bounds[span] += least
        rest[span] = sure[span] + least


@kernel
def _add_tops(tops, weight, sums, sizes):  # type: ignore[no-untyped-def]
    for span in range(tops.size):
        top = weight * tops[span]
        sums[span] += top
        sizes[span] += abs(top)


@kernel
def _add_raised(table, begins, order, sums, sizes):  # type: ignore[no-untyped-def]
    """Return a value that few rows are above, and add what the best of a span are above it."""
    base, raised, high = table[-1], 0, table[-1]
    for code in range(table.size):
        if table[code] > base:
            raised += begins[code + 1] - begins[code]
            high = max(high, table[code])
    if raised * SPAN > order.size:
        return high
    tops = np.zeros(sums.size, np.float32)
    for code in range(table.size):
        above = table[code] - base
        if above > 0:
            for at in range(begins[code], begins[code + 1]):
                span = order[at] // SPAN
                tops[span] = max(tops[span], above)
    _add_tops(tops, np.float32(1), sums, sizes)
    return base


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
def _put_likely(span, n, allowed, norms, reaches, paid, left, rows, some):  # type: ignore[no-untyped-def]
    """Put the allowed rows of a span whose norms may take `left` over its threshold."""
    (rest, threshold), (one, other), (prices, charge) = left, norms, paid
    for row in range(span * SPAN, min(span * SPAN + SPAN, n)):
        most = rest - charge * LESS * prices[row] if prices.size else rest
        most += reaches[0] * one[row] if row < one.size else ZERO
        most += reaches[1] * other[row] if row < other.size else ZERO
        rows[some] = row
        some += 1 if most >= threshold and (not allowed.size or allowed[row]) else 0
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
def _nearest(total):  # type: ignore[no-untyped-def]
    """Return the most that nearnesses add to any row."""
    most, affine = ZERO, total[5][3]
    for place in range(affine.shape[0]):
        if affine[place, 2] == 0:
            most += max(affine[place, 1], affine[place, 0] + affine[place, 1], ZERO)
    return most


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
    threshold, filled, some, n = least, k, 0, total[5][0].shape[0]
    waiting, scores = np.empty(ROOM, np.int64), np.empty(ROOM, np.float32)
    said, (prices, charge), near = np.empty(ROOM, np.bool_), paid, _nearest(total)
    tops, (bounds, rest) = np.empty(ROOM, np.float32), bounded
    one, other = total[6]
    both = one[1], other[1]
    spans = _reaching(bounds, threshold)
    for place in range(spans.size):
        if bounds[spans[place]] >= threshold:
            left = rest[spans[place]], threshold
            some = _put_likely(spans[place], n, allowed, both, reaches, paid, left, waiting, some)
        if some + SPAN <= ROOM and place + 1 < spans.size:
            continue  # many at once: part by part, and memory is asked ahead
        add_sure(total, waiting[:some], scores, said)
        some = _bound(total, reaches, paid, near, waiting[:some], scores, said, tops, threshold)
        add_near(total, waiting[:some], scores, said)
        some = _within(paid, ZERO, waiting[:some], scores, said, tops, threshold)
        for values, norms, _, _, query, shift, _, _, _ in total[6]:
            add_product(values, norms, query, shift, waiting[:some], scores, said)
        for at in range(some):
            scores[at] -= charge * prices[waiting[at]] if prices.size else ZERO
            if said[at] and scores[at] >= threshold:
                if filled == keys.size:
                    filled = cut(keys, filled, k)
                    threshold = max(least, score_of(keys[0]))
                keys[filled] = key_of(scores[at], waiting[at])
                filled += 1
        some = 0
        if filled >= 2 * k:
            filled = cut(keys, filled, k)
            threshold = max(least, score_of(keys[0]))
    return filled


@kernel
def _reaching(bounds, threshold):  # type: ignore[no-untyped-def]
    found, many = np.empty(bounds.size, np.int32), 0
    for span in range(bounds.size):
        found[many] = span
        many += bounds[span] >= threshold
    return found[:many]


@kernel
def _bound(total, reaches, paid, near, rows, scores, said, tops, threshold):  # type: ignore[no-untyped-def]
    """Keep rows that may reach the threshold, by their norms and then by their bytes.

    Write to `tops` the most that products add to them; return how many there are.
    """
    tops[: rows.size] = ZERO
    for part, (_, norms, _, _, _, shift, _, _, _) in enumerate(total[6]):
        _add_norms(norms, reaches[part], max(shift, ZERO), rows, tops)
    ask(paid[0], rows)
    some = _within(paid, near, rows, scores, said, tops, threshold)
    tops[:some] = ZERO
    for _, norms, _, _, _, shift, codes, steps, query in total[6]:
        add_most(codes, steps, norms, query, shift, rows[:some], tops)
    return _within(paid, near, rows[:some], scores, said, tops, threshold)


@kernel
def _add_norms(norms, reach, shift, rows, tops):  # type: ignore[no-untyped-def]
    """Add the most that a product of these norms may be, with its shift."""
    ask(norms, rows)
    for at in range(rows.size):
        if rows[at] < norms.size:
            tops[at] += reach * norms[rows[at]] + shift


@kernel
def _within(paid, near, rows, scores, said, tops, threshold):  # type: ignore[no-untyped-def]
    """Keep rows that may reach the threshold with `near` and `tops`, which are of the products."""
    kept, (prices, charge) = 0, paid
    for at in range(rows.size):
        row, score, top = rows[at], scores[at], tops[at]
        price = charge * prices[row] if prices.size else ZERO
        slack = SLACK * (abs(score) + near + abs(top) + abs(price))
        if not score + near + top - price + slack < threshold:  # NaN is no bound
            rows[kept], scores[kept], said[kept], tops[kept] = row, score, said[at], top
            kept += 1
    return kept
