"""The spans of a `core.sums.Sum`: bounds of all, and the rows of those that may reach a threshold.

A bound adds what the greatest of each flat, table, norm and so on would give together
(`core.peaks`). Rows of a span lie side by side, so what all of a span have is read as one vector.
"""

import numpy as np

from core.kernel import kernel
from core.peaks import SPAN
from core.sum_rows import ZERO

SLACK = np.float32(1e-5)  # of float32 sums of some hundred
LESS = np.float32(1 - 1e-5)


@kernel
def bound_spans(total, reaches, sure, bounds, rest):  # type: ignore[no-untyped-def]
    """Write, for every span, a bound of its rows' flats, flags and tables, and one of their scores.

    And of `rest`: all but what products make of norms.
    Rounding is bounded by the sum of all magnitudes: where a row has a part far below the greatest
    of its span, its score is below the bound by more than what is rounded.
    """
    weights, more, base, sizes = total[1], nearest(total), ZERO, np.zeros(sure.size, np.float32)
    sure[:] = ZERO
    for part, tops in enumerate(total[7]):
        if tops.size:
            add_tops(tops, weights[part, 0], sure, sizes)
    if total[2].size:
        base += max(total[3], ZERO)
    for table, _, begins, order in total[4]:
        if table.size:
            base += _add_raised(table, begins, order, sure, sizes)
    for span in range(sure.size):
        sure[span] += base
        bounds[span] = sure[span]
    for part, (_, _, tops, _, _, shift, _, _, _) in enumerate(total[6]):
        add_tops(tops, reaches[part], bounds, sizes)
        if tops.size:
            more += max(shift, ZERO)
    size = abs(base) + more
    for span in range(sure.size):
        slack = SLACK * (sizes[span] + size)
        least = more + slack if slack < np.inf else ZERO  # -inf excludes a whole span
        bounds[span] += least
        rest[span] = sure[span] + least


@kernel
def add_tops(tops, weight, sums, sizes):  # type: ignore[no-untyped-def]
    """Add `weight` times the greatest of every span, and its magnitude to the sizes."""
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
    add_tops(tops, np.float32(1), sums, sizes)
    return base


@kernel
def nearest(total):  # type: ignore[no-untyped-def]
    """Return the most that nearnesses add to any row."""
    most, affine = ZERO, total[5][3]
    for place in range(affine.shape[0]):
        if affine[place, 2] == 0:
            most += max(affine[place, 1], affine[place, 0] + affine[place, 1], ZERO)
    return most


@kernel
def reaching(bounds, threshold):  # type: ignore[no-untyped-def]
    """Return the spans whose bound reaches it, ascending."""
    found, many = np.empty(bounds.size, np.int32), 0
    for span in range(bounds.size):
        found[many] = span
        many += bounds[span] >= threshold
    return found[:many]


@kernel
def likely(total, reaches, paid, allowed, spans, rest, threshold, waiting):  # type: ignore[no-untyped-def]
    """Put the allowed rows of spans whose norms and prices leave them in question; return how many.

    `waiting` gets rows, the most that norms let products be, and what each row is charged. First
    all that memory has to deliver is added up, then rows are kept without a branch: row by row a
    whole search took 6 to 10 % more.
    """
    (rows, tops, costs), (prices, charge), n = waiting, paid, total[5][0].shape[0]
    size, some = spans.size * SPAN, 0
    tops[:size], costs[:size] = ZERO, ZERO
    for part, (_, norms, _, _, _, _, _, _, _) in enumerate(total[6]):
        _add_of(norms, reaches[part], spans, tops)
    _add_of(prices, charge, spans, costs)
    for place in range(spans.size):
        first, left = spans[place] * SPAN, rest[spans[place]]
        for at in range(min(SPAN, n - first)):
            top, cost = tops[place * SPAN + at], costs[place * SPAN + at]
            rows[some], tops[some], costs[some] = first + at, top, cost
            some += left + top - LESS * cost >= threshold
    if not allowed.size:
        return some
    kept = 0
    for at in range(some):
        rows[kept], tops[kept], costs[kept] = rows[at], tops[at], costs[at]
        kept += allowed[rows[at]]
    return kept


@kernel
def _add_of(values, weight, spans, sums):  # type: ignore[no-untyped-def]
    """Add `weight` times the value of every row of these spans; rows without one get nothing."""
    for place in range(spans.size):
        first, at = spans[place] * SPAN, place * SPAN
        if first + SPAN <= values.size:
            some, out = values[first : first + SPAN], sums[at : at + SPAN]
            for row in range(SPAN):
                out[row] += weight * some[row]
        else:
            for row in range(first, values.size):
                sums[at + row - first] += weight * values[row]
