"""Rows of factors whose inner products with a query are known in sum before any is worked out.

Mean and deviation of `values · query` over all rows come from the rows' total and Gram matrix in
d² steps, and no product is greater than the norms of row and query say (Cauchy-Schwarz). So a
score that has such a product in it can be standardised, and the best of it found, without n × d
multiplications: `core.sums`.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core import checks
from core.arrays import F32, F64, I32, Flags
from core.coarse import encoded
from core.factors import FLUSHED
from core.kernel import kernel
from core.peaks import peaks
from core.simd import dot

BLOCK = 8192  # rows at a time: float64 copies stay small
LEADERS = 128
ROUNDING = 1 + 1e-6  # norms are bounds


@dataclass(frozen=True, eq=False)
class Embedding:
    """Factors with what is known of them as a whole. A row of zeros stands for "nothing known".

    Memory: 9 bytes a row and 1 a factor beside the factors, which it keeps and does not copy: they
    must not change. 100k x 128: 0.2 s to make.

    Raises:
        ValueError: `values` is not finite float32 `(n, d)`.
    """

    values: F32  # float32 (n, d)
    norms: F32 = field(init=False, repr=False)  # float32 (n,): at least the norm of each row
    leaders: I32 = field(init=False, repr=False)  # int32 (up to 128,): rows of the greatest norms
    peaks: F32 = field(init=False, repr=False)  # float32 (spans,): of the norms, `core.peaks`
    known: Flags = field(init=False, repr=False)  # bool (n,): rows that are not all zeros
    count: int = field(init=False, repr=False)  # of the known rows; 1 at least
    codes: NDArray[np.int8] = field(init=False, repr=False)  # the rows as bytes, `core.coarse`
    steps: F32 = field(init=False, repr=False)  # float32 (n,): what 1 of a row's codes stands for
    total: F64 = field(init=False, repr=False)  # float64 (d,): sum of the rows
    gram: F64 = field(init=False, repr=False)  # float64 (d, d): values' values

    def __post_init__(self) -> None:
        """Check the factors and sum them up."""
        values = checks.finite("values", self.values, ("n", "d"))
        norms, total = np.empty(len(values), np.float32), np.zeros(values.shape[1])
        gram = np.zeros((values.shape[1], values.shape[1]))
        parts = [encoded(values[:0])]
        for start in range(0, len(values), BLOCK):
            parts.append(encoded(values[start : start + BLOCK]))
            block = values[start : start + BLOCK].astype(np.float64)
            norms[start : start + BLOCK] = np.sqrt((block * block).sum(axis=1)) * ROUNDING
            total += block.sum(axis=0)
            gram += block.T @ block
        norms[norms > 0] += FLUSHED  # a norm below it could be rounded down
        made = {
            "values": values,
            "norms": norms,
            "peaks": peaks(norms),
            "known": norms > 0,
            "codes": np.concatenate([codes for codes, _ in parts]),
            "steps": np.concatenate([steps for _, steps in parts]),
            "leaders": _leaders(norms),
            "total": total,
            "gram": gram,
        }
        for name, array in made.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "count", max(int(np.count_nonzero(self.known)), 1))

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def d(self) -> int:
        """Number of factors of a row."""
        return int(self.values.shape[1])

    def moments(self, query: F32) -> tuple[float, float]:
        """Return mean and deviation of `values · query` over the known rows; 0 for a mean of none.

        Raises:
            ValueError: `query` is not finite float32 `(d,)`.
        """
        query = checks.finite("query", query, (self.d,))
        mean, square = _moments(self.total, self.gram, query)
        mean, square = mean / self.count, square / self.count
        return mean, float(np.sqrt(max(square - mean * mean, 0.0)))

    def products(self, query: F32, rows: I32) -> F32:
        """Return `values[rows] · query`, float32 `(r,)`; NaN for a row of which nothing is known.

        Raises:
            ValueError: `query` is not finite float32 `(d,)`, or `rows` not int32 `(r,)` within n.
        """
        rows = checks.rows("rows", rows, self.n)
        query = checks.finite("query", query, (self.d,))
        products = np.empty(rows.size, np.float32)
        _products(self.values, self.known, query, rows, products)
        return products


def _leaders(norms: F32) -> I32:
    most = min(LEADERS, norms.size)
    return np.sort(np.argpartition(-norms, most - 1)[:most] if most else norms[:0]).astype(np.int32)


# Not by BLAS: it would wake a second thread for 128 x 128 and keep it busy for a while.
@kernel
def _moments(total, gram, query):  # type: ignore[no-untyped-def]
    """Return `total · query` and `query' gram query`; gram is symmetric."""
    first, square, image = 0.0, 0.0, np.zeros(query.size)
    for i in range(query.size):
        value = float(query[i])
        first += total[i] * value
        for j in range(query.size):
            image[j] += value * gram[i, j]
    for j in range(query.size):
        square += image[j] * query[j]
    return first, square


@kernel
def _products(values, known, query, rows, out):  # type: ignore[no-untyped-def]
    for at in range(rows.size):
        row = rows[at]
        out[at] = dot(values, row, query) if known[row] else np.float32(np.nan)
