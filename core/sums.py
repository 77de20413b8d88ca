"""The best k of `base + embedding · query + ...`, exactly, with few of the products worked out.

No product is greater than the norms of row and query say. Some promising rows are scored first, and
then whatever may still beat the k-th best of those. Factors of real catalogues have few rows of
great norm: of 100 000 rows of 128 factors 1 to 2 % are scored for the best 60, in 0.3 ms; every
other row costs an addition.

A score is float32: base, then product by product in the order of `core.simd.dot`. With prices,
what counts is `score - charge * price`, where the charge is a share of the best score.
"""

from collections.abc import Sequence

import numpy as np

from core import checks
from core.arrays import F32, I32
from core.embedding import Embedding
from core.kernel import kernel
from core.keys import EMPTY, best, cut, empty_keys, key_of, row_of, score_of
from core.simd import ask_for, dot
from core.topk import CHUNK, ROOM, offer

MOST_TERMS = 2
WIDE = 4  # times k rows are scored first, to know what else is worth it
AHEAD = 8  # rows between asking memory for one and using it
SLACK, PRODUCT_SLACK = np.float32(1e-6), np.float32(1 + 1e-4)  # of float32 sums of d products
LOWEST = np.float32(-np.finfo(np.float32).max)
NOTHING = Embedding(np.empty((0, 1), np.float32))

Term = tuple[Embedding, F32]


def best_sums(
    base: F32,
    terms: Sequence[Term],
    k: int,
    *,
    prices: F32 | None = None,
    share: float = 0.0,
) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k` after the charge, best first, ties by row.

    Scores are those before the charge. A row whose base is NaN or -inf is never selected; fewer
    than `k` when fewer are left.

    Args:
        base: float32 `(n,)`, below +inf.
        terms: At most two embeddings of at most n rows, each with a finite query float32 `(d,)`;
            rows beyond an embedding get nothing from it.
        k: At least 1.
        prices: Finite float32 `(n,)`. None: nothing is charged.
        share: Finite: of the best score, that a price of 1 takes off. Where no score is above 0
            there is nothing to measure a price by, and nothing is charged.

    Raises:
        ValueError: An array or option does not fit.
    """
    base = checks.floats("base", base, ("n",))
    size = min(checks.whole("k", k, 1), base.size)
    if not np.isfinite(share):
        raise ValueError(f"share must be finite, got {share}")
    asked = prices if prices is not None and share else np.empty(0, np.float32)
    asked = checks.floats("prices", asked, (asked.size and base.size,))
    one, other = _terms(terms, base.size)
    bounds, keys = np.empty(base.size, np.float32), empty_keys(size, ROOM)
    seeds = empty_keys(min(WIDE * size, base.size), ROOM)
    filled = _search(base, asked, np.float32(share), one, other, bounds, seeds, keys, size)
    rows, _ = best(keys, size, filled)
    scores = np.empty(rows.size, np.float32)
    _at(base, one, other, rows, scores)
    return rows, scores


def sums_at(base: F32, terms: Sequence[Term], rows: I32) -> F32:
    """Return the scores of these rows before any charge, float32 `(r,)`, as `best_sums` has them.

    Raises:
        ValueError: As for `best_sums`, or `rows` is not int32 `(r,)` within the base.
    """
    base = checks.floats("base", base, ("n",))
    rows = checks.rows("rows", rows, base.size)
    one, other = _terms(terms, base.size)
    out = np.empty(rows.size, np.float32)
    _at(base, one, other, rows, out)
    return out


def _terms(terms: Sequence[Term], n: int) -> list[tuple[F32, F32, F32]]:
    # An embedding of no rows stands for none, so that one compiled signature serves every case.
    if len(terms) > MOST_TERMS:
        raise ValueError(f"at most {MOST_TERMS} terms, got {len(terms)}")
    every = [*terms, *[(NOTHING, np.zeros(1, np.float32))] * (MOST_TERMS - len(terms))]
    for embedding, _ in terms:
        if embedding.n > n:
            raise ValueError(f"an embedding has {embedding.n} rows, base {n}")
    return [
        (embedding.values, embedding.norms, checks.finite("query", query, (embedding.d,)))
        for embedding, query in every
    ]


@kernel
def _search(base, prices, share, one, other, bounds, seeds, keys, k):  # type: ignore[no-untyped-def]
    if k == 0:
        return 0
    _bound(base, bounds)
    for _, norms, query in (one, other):
        if norms.size:
            _widen(norms, _norm(query) * PRODUCT_SLACK, bounds)
    rows, scores = _promising(base, one, other, bounds, seeds, k)
    charge = np.float32(0)
    if prices.size:
        best = _best(base, one, other, bounds, _greatest(scores))
        if 0 < best < np.inf:
            charge = share * best
            _charge(prices, charge, bounds)
            for at in range(rows.size):
                scores[at] -= charge * prices[rows[at]]
    least = np.partition(scores, rows.size - k)[rows.size - k] if rows.size >= k else LOWEST
    return _collect(base, prices, charge, one, other, bounds, least, keys, k)


@kernel
def _promising(base, one, other, bounds, seeds, k):  # type: ignore[no-untyped-def]
    """Rows and scores of the best bounds and of the best bases, no row twice.

    Those with the best bounds are mostly rows of great norm that have little to do with the query;
    those with the best base come near to the answer.
    """
    many = min(WIDE * k, base.size)
    rows, found = np.empty(many + k, np.int64), 0
    filled = cut(seeds, offer(bounds, 0, seeds, many, many), many)
    worst = seeds[0]
    for at in range(filled):
        if seeds[at] > EMPTY:
            rows[found] = row_of(seeds[at])
            found += 1
    seeds[:] = EMPTY
    filled = cut(seeds, offer(base, 0, seeds, k, k), k)
    for at in range(filled):
        row = row_of(seeds[at])
        if seeds[at] > EMPTY and key_of(bounds[row], row) < worst:  # else it is there already
            rows[found] = row
            found += 1
    scores = np.empty(found, np.float32)
    _at(base, one, other, rows[:found], scores)
    return rows[:found], scores


@kernel
def _greatest(scores):  # type: ignore[no-untyped-def]
    return scores.max() if scores.size else np.float32(-np.inf)


@kernel
def _best(base, one, other, bounds, best):  # type: ignore[no-untyped-def]
    """Return the best score of all, given that of some rows."""
    for start in range(0, base.size, CHUNK):
        chunk = bounds[start : start + CHUNK]
        if _any_reaches(chunk, best):
            for at in range(chunk.size):
                if chunk[at] >= best:
                    best = max(best, _score(base, one, other, start + at))
    return best


@kernel
def _collect(base, prices, charge, one, other, bounds, least, keys, k):  # type: ignore[no-untyped-def]
    """Collect the keys of rows that reach `least`; return how much of `keys` is filled."""
    threshold, filled, some = least, k, 0
    waiting, scores = np.empty(2 * CHUNK, np.int64), np.empty(2 * CHUNK, np.float32)
    for start in range(0, base.size, CHUNK):
        chunk = bounds[start : start + CHUNK]
        if _any_reaches(chunk, threshold):
            some = _reaching(chunk, threshold, start, waiting, some)
        if some < CHUNK and start + CHUNK < base.size:
            continue  # many at once, so that memory is asked ahead
        _at(base, one, other, waiting[:some], scores)
        if filled + some > keys.size:
            filled = cut(keys, filled, k)
            threshold = max(least, score_of(keys[0]))
        for at in range(some):
            row, score = waiting[at], scores[at]
            if charge != 0:
                score -= charge * prices[row]
            if score >= threshold:
                keys[filled] = key_of(score, row)
                filled += 1
        some = 0
    return filled


@kernel
def _bound(base, bounds):  # type: ignore[no-untyped-def]
    for row in range(base.size):
        bounds[row] = base[row] + SLACK * abs(base[row])


@kernel
def _widen(norms, reach, bounds):  # type: ignore[no-untyped-def]
    for row in range(norms.size):
        bounds[row] += reach * norms[row]


@kernel
def _charge(prices, charge, bounds):  # type: ignore[no-untyped-def]
    for row in range(bounds.size):
        price = charge * prices[row]
        bounds[row] += SLACK * (abs(bounds[row]) + abs(price)) - price


@kernel
def _norm(query):  # type: ignore[no-untyped-def]
    square = 0.0
    for value in query:
        square += float(value) * float(value)
    return np.float32(np.sqrt(square))


@kernel
def _score(base, one, other, row):  # type: ignore[no-untyped-def]
    score = base[row]
    if row < one[1].size:
        score += dot(one[0], row, one[2])
    if row < other[1].size:
        score += dot(other[0], row, other[2])
    return score


@kernel
def _at(base, one, other, rows, out):  # type: ignore[no-untyped-def]
    for at in range(rows.size):
        if at + AHEAD < rows.size:
            _ask(one, other, rows[at + AHEAD])
        out[at] = _score(base, one, other, rows[at])


@kernel
def _ask(one, other, row):  # type: ignore[no-untyped-def]
    if row < one[1].size:
        ask_for(one[0], row)
    if row < other[1].size:
        ask_for(other[0], row)


@kernel
def _any_reaches(chunk, threshold):  # type: ignore[no-untyped-def]
    reaches = np.int32(0)
    for at in range(chunk.size):
        reaches |= np.int32(chunk[at] >= threshold)  # no early exit: it would stop vectorisation
    return reaches != 0


@kernel
def _reaching(chunk, threshold, start, waiting, some):  # type: ignore[no-untyped-def]
    for at in range(chunk.size):
        waiting[some] = start + at
        some += chunk[at] >= threshold
    return some
