"""Factors as bytes: a quarter of the memory, and a bound of what the inner product may be.

A row is its greatest magnitude / 127 times whole numbers, so every factor is off by half a step at
most, and a product with a query by half a step times the sum of the query's magnitudes. Of rows
that the norms leave in question (`core.sum_search`) nine in ten are settled by their bytes.
"""

import numpy as np
from numpy.typing import NDArray

from core.arrays import F32
from core.kernel import kernel
from core.simd import ask_for, dot_bytes

WIDE = 16  # codes of a row are made a multiple of this: as many as are multiplied at once
MOST = 127
SMALLEST = np.float32(1e-30)  # of a step: a smaller one could be flushed to 0
HALF = 0.51  # of a step, and what float32 rounds of a sum of some hundred
ROUNDED = np.float32(1e-5)  # of the norms' product, for more
AHEAD = 8  # rows between asking memory for one and using it


def encoded(values: F32) -> tuple[NDArray[np.int8], F32]:
    """Return int8 `(n, d made a multiple of 16)` and float32 `(n,)` steps, of finite `(n, d)`."""
    n, d = values.shape
    tops = np.abs(values).max(axis=1, initial=0.0)
    steps = np.where(tops > 0, np.maximum(tops / np.float32(MOST), SMALLEST), np.float32(0))
    codes = np.zeros((n, -(-d // WIDE) * WIDE), np.int8)
    codes[:, :d] = np.rint(values / np.where(steps > 0, steps, np.float32(1))[:, None])
    return codes, steps.astype(np.float32)


def asked(query: F32, width: int) -> tuple[F32, np.float32, np.float32]:
    """Return a query as wide as codes, half the sum of its magnitudes, and what its norm rounds."""
    padded = np.zeros(width, np.float32)
    padded[: query.size] = query
    wide = query.astype(np.float64)
    half, norm = HALF * np.abs(wide).sum(), np.sqrt(wide @ wide)
    return padded, np.float32(half), np.float32(norm) * ROUNDED


@kernel
def add_most(codes, steps, norms, query, shift, rows, out):  # type: ignore[no-untyped-def]
    """Add the most that the product and its shift may be, for rows of which anything is known."""
    padded, half, rounded = query
    for at in range(rows.size):
        if at + AHEAD < rows.size and rows[at + AHEAD] < norms.size:
            ask_for(codes, rows[at + AHEAD])
        row = rows[at]
        if row < norms.size and norms[row] > 0:
            most = steps[row] * (dot_bytes(codes, row, padded) + half)
            out[at] += most + rounded * norms[row] + shift
