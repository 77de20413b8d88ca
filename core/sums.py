"""A score that is a sum of parts, of which most rows need only a bound.

    score(row) = sum of weight * flat[row]           anything, one number per row
               + constant where flags[row]
               + sum of table[code[row]]             the same for all rows of a code
               + sum of scale * near(row) + shift    weighted similarity, as `core.similarity`
               + sum of values[row] · query + shift  `core.embedding`, where the row is known

The greatest number of every 8 rows bounds the scores of all of them, so the search (`best_of`)
looks only where a bound may reach the k-th best, and there only at rows whose own bound does: of
100 000 rows at 3 to 9 %, and it works out less than 1 %. The answer is that of working out all.

Everything is float32, added in the order above; NaN in a flat or a nearness adds nothing. A row
about which no part says anything has no score.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core import checks
from core.arrays import F32, I32, I64, Flags
from core.coarse import asked
from core.coding import Coding
from core.embedding import Embedding
from core.keys import best, empty_keys
from core.peaks import lows as lows_of
from core.peaks import peaks, spans
from core.sum_rows import sums
from core.sum_search import search
from core.topk import ROOM

MOST_FLATS = 6
NO_BEGINS = checks.longs("none", np.empty(0, np.int64), (0,))
NO_ROWS = Embedding(np.empty((0, 1), np.float32))
SEEDS = 64  # rows of each kind that are scored first, to know what else is worth it


@dataclass(frozen=True)
class Flat:
    """`weight` times a number per row."""

    values: F32  # float32 (n,), below +inf; NaN adds nothing, -inf excludes a row
    weight: float = 1.0  # above 0
    speaks: bool = True  # False: a row with nothing else has no score
    peaks: F32 | None = None  # `core.peaks` of the values, where they are known


@dataclass(frozen=True)
class Table:
    """A number per code."""

    values: F32  # finite float32 (c,); the last also for code -1
    coding: Coding  # of c codes


@dataclass(frozen=True)
class Nearness:
    """`scale` times the similarity to a target, plus `shift`; `clipped`: at most 0."""

    target: F32  # float32 (d,), NaN is missing
    weights: F32  # finite float32 (d,), at least 0
    scale: float
    shift: float
    clipped: bool = False


@dataclass(frozen=True)
class Product:
    """An inner product plus `shift`, for rows of which anything is known."""

    embedding: Embedding  # of at most n rows
    query: F32  # finite float32 (d,)
    shift: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum:
    """The parts of a score; `n` rows. At most 6 flats, 2 tables, 3 nearnesses and 2 products.

    Raises:
        ValueError: A part does not fit.
    """

    n: int
    features: F32  # float32 (n, d), NaN is missing; what nearnesses look at
    flats: Sequence[Flat] = ()
    flags: Flags | None = None  # bool (m,), m <= n; None: nowhere
    constant: float = 0.0
    tables: Sequence[Table] = ()
    nearnesses: Sequence[Nearness] = ()
    products: Sequence[Product] = ()
    packed: tuple[object, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check all and lay it out for the kernels: a part of length 0 stands for none."""
        limits = (
            (self.flats, MOST_FLATS),
            (self.tables, 2),
            (self.nearnesses, 3),
            (self.products, 2),
        )
        if any(len(parts) > most for parts, most in limits):
            raise ValueError("at most 6 flats, 2 tables, 3 nearnesses and 2 products")
        features = checks.floats("features", self.features, (self.n, "d"))
        none = checks.floats("none", np.empty(0, np.float32), (0,))
        nowhere = checks.ints("none", np.empty(0, np.int32), (0,))
        flats = [checks.floats("flat", flat.values, (self.n,)) for flat in self.flats]
        tables = [self._table(one) for one in self.tables]
        known = [_peaks(flat, self.n) for flat in self.flats]
        flags = checks.flags("flags", self._flags(), ("m",))
        shape = (len(self.nearnesses), features.shape[1])
        targets, wanted = np.empty(shape, np.float32), np.empty(shape, np.float32)
        affine = np.zeros((len(self.nearnesses), 3), np.float32)
        for place, one in enumerate(self.nearnesses):
            targets[place], wanted[place] = one.target, one.weights
            affine[place] = one.scale, one.shift, one.clipped
        products = [self._product(one) for one in self.products]
        products += [self._product(Product(NO_ROWS, np.zeros(1, np.float32), 0.0))] * (
            2 - len(products)
        )
        weights = np.zeros((MOST_FLATS, 2), np.float32)
        for place, flat in enumerate(self.flats):
            weights[place] = checks.positive("weight", flat.weight), flat.speaks
        packed = (
            tuple(flats + [none] * (MOST_FLATS - len(flats))),
            weights,
            flags,
            np.float32(self.constant),
            tuple(tables + [(none, nowhere, NO_BEGINS, nowhere)] * (2 - len(tables))),
            (features, targets, wanted, affine),
            tuple(products),
            tuple(known + [none] * (MOST_FLATS - len(known))),
        )
        object.__setattr__(self, "packed", packed)

    def _flags(self) -> Flags:
        flags = np.empty(0, np.bool_) if self.flags is None else self.flags
        if flags.size > self.n:
            raise ValueError(f"flags has {flags.size} rows, the sum {self.n}")
        return flags

    def _table(self, one: Table) -> tuple[F32, I32, I64, I32]:
        values = checks.finite("table", one.values, (one.coding.size,))
        codes = checks.ints("codes", one.coding.codes, (self.n,))
        return values, codes, one.coding.begins, one.coding.order

    def _product(self, one: Product) -> tuple[object, ...]:
        if one.embedding.n > self.n:
            raise ValueError(f"an embedding has {one.embedding.n} rows, the sum {self.n}")
        query = checks.finite("query", one.query, (one.embedding.d,))
        rows = one.embedding
        exact = rows.values, rows.norms, rows.peaks, rows.leaders, query, np.float32(one.shift)
        return *exact, rows.codes, rows.steps, asked(query, rows.codes.shape[1])


def _peaks(flat: Flat, n: int) -> F32:
    if flat.peaks is None:
        return peaks(flat.values)
    return checks.floats("peaks", flat.peaks, (spans(n),))


def _lows(prices: F32, lows: F32 | None) -> F32:
    if lows is None or not prices.size:
        return lows_of(prices)
    return checks.floats("lows", lows, (spans(prices.size),))


def best_of(
    total: Sum,
    k: int,
    *,
    allowed: Flags | None = None,
    prices: F32 | None = None,
    lows: F32 | None = None,
    share: float = 0.0,
) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k` after the charge, best first, ties by row.

    Scores are those before the charge. Fewer than `k` when fewer rows have a score.

    Args:
        total: What is added up.
        k: At least 1.
        allowed: bool `(n,)`; False excludes a row. None: every row may be selected.
        prices: Finite float32 `(n,)`, at least 0. None: nothing is charged.
        lows: `core.peaks.lows` of the prices, where they are known.
        share: Finite, at least 0: of the best score, that a price of 1 takes off. Where no score is
            above 0 there is nothing to measure a price by, and nothing is charged.

    Raises:
        ValueError: An option does not fit.
    """
    size = min(checks.whole("k", k, 1), total.n)
    if not 0 <= share < np.inf:
        raise ValueError(f"share must be at least 0 and finite, got {share}")
    paid = prices if prices is not None and share else np.empty(0, np.float32)
    paid = checks.floats("prices", paid, (paid.size and total.n,))
    least = _lows(paid, lows)
    may = np.empty(0, np.bool_) if allowed is None else allowed
    may = checks.flags("allowed", may, (0 if allowed is None else total.n,))
    keys = empty_keys(size, ROOM)
    priced, seeds = (paid, least), min(SEEDS, total.n)
    filled = search(total.packed, may, priced, np.float32(share), keys, size, seeds)
    rows, _ = best(keys, size, filled)
    return rows, sums_of(total, rows)


def sums_of(total: Sum, rows: I32) -> F32:
    """Return the scores of these rows, float32 `(r,)`; NaN for a row without one.

    Raises:
        ValueError: `rows` is not int32 `(r,)` within the sum.
    """
    rows = checks.rows("rows", rows, total.n)
    out = np.empty(rows.size, np.float32)
    sums(total.packed, rows, out)
    return out
