"""Maximum inner product search: the best k of `factors[row] · query + bias[row]`, exactly.

A score is float32 arithmetic in one fixed order (`core.simd.dot`): lane l of 16 adds the products
of features l, l + 16, ... in that order from 0, then lanes 8..15 are added to 0..7, 4..7 to 0..3,
and so on; the bias, if any, is added last. `core.reference` does the same with NumPy, so both give
the same bits on every machine. BLAS orders its sums otherwise: its scores differ in the last place,
and where two rows are closer than that, so may its order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core import checks
from core.arrays import F32, I32, I64, Flags
from core.factors import Factors
from core.keys import best, empty_keys
from core.products import search


@dataclass(frozen=True, eq=False)
class ArtistCap:
    """At most `cap` rows of one artist in an answer: the best ones, the lower row first in a tie.

    Raises:
        ValueError: `artists` is not int32 `(n,)` of at least -1, or `cap` < 1.
    """

    artists: I32  # int32 (n,), artist of each row; -1 is unknown and never capped
    cap: int

    def __post_init__(self) -> None:
        """Check both."""
        artists = checks.ints("artists", self.artists, ("n",))
        if artists.min(initial=-1) < -1:
            raise ValueError(f"artists must be at least -1, got {artists.min()}")
        object.__setattr__(self, "artists", artists)
        object.__setattr__(self, "cap", checks.whole("cap", self.cap, 1))


def mips(
    factors: Factors,
    query: F32,
    k: int,
    *,
    bias: F32 | None = None,
    eligible: Flags | None = None,
    excluded: I32 | None = None,
    artist_cap: ArtistCap | None = None,
) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k`, best first, ties by row.

    Exactly `k` when `k` rows are eligible, else all that are. A row whose score is NaN or -inf
    never is.

    Args:
        factors: The catalogue, prepared.
        query: Finite float32 `(d,)`.
        k: How many, at least 1.
        bias: float32 `(n,)`, added to the products. None: 0.
        eligible: bool `(n,)`; False excludes a row. None: every row may be selected.
        excluded: int32 `(h,)`, rows that may not be selected, in any order: heard, or blocked.
        artist_cap: How many rows of one artist an answer may have. None: any number.

    Raises:
        ValueError: A dtype, shape or value does not fit.
    """
    query = checks.finite("query", query, (factors.d,))
    heard = None if excluded is None else [excluded]
    return mips_batch(
        factors,
        query[None],
        k,
        bias=bias,
        eligible=eligible,
        excluded=heard,
        artist_cap=artist_cap,
    )[0]


def mips_batch(
    factors: Factors,
    queries: F32,
    k: int,
    *,
    bias: F32 | None = None,
    eligible: Flags | None = None,
    excluded: Sequence[I32] | None = None,
    artist_cap: ArtistCap | None = None,
) -> list[tuple[I32, F32]]:
    """Return what `mips` returns for each query, from one pass over the catalogue.

    Args:
        factors: The catalogue, prepared.
        queries: Finite float32 `(q, d)`.
        k: How many for each query, at least 1.
        bias: As for `mips`, for all queries.
        eligible: As for `mips`, for all queries.
        excluded: As for `mips`, for each query.
        artist_cap: As for `mips`, for all queries.

    Raises:
        ValueError: As for `mips`.
    """
    queries = checks.finite("queries", queries, ("q", factors.d))
    size = min(checks.whole("k", k, 1), factors.n)
    # Length 0 stands for None, so that one compiled signature serves every case.
    added = np.empty(0, np.float32) if bias is None else bias
    added = checks.floats("bias", added, (0 if bias is None else factors.n,))
    allowed = np.empty(0, np.bool_) if eligible is None else eligible
    allowed = checks.flags("eligible", allowed, (0 if eligible is None else factors.n,))
    offsets, heard = _gathered(excluded, len(queries), factors.n)
    capped = ArtistCap(np.empty(0, np.int32), 1) if artist_cap is None else artist_cap
    artists = checks.ints("artists", capped.artists, (0 if artist_cap is None else factors.n,))
    keys = np.tile(empty_keys(size), (len(queries), 1))
    filled = search(
        factors, queries, size, keys, bias=added, eligible=allowed, excluded=(offsets, heard),
        artists=artists, cap=capped.cap,
    )  # fmt: skip
    return [best(mine, size, int(used)) for mine, used in zip(keys, filled, strict=True)]


def _gathered(excluded: Sequence[I32] | None, queries: int, n: int) -> tuple[I64, I32]:
    """Every query's excluded rows behind each other, ascending and each once: CSR."""
    offsets = np.zeros(queries + 1, np.int64)
    if excluded is None:
        return offsets, np.empty(0, np.int32)
    if len(excluded) != queries:
        raise ValueError(f"excluded must have {queries} arrays of rows, got {len(excluded)}")
    sets = [np.unique(checks.rows("excluded", rows, n)) for rows in excluded]
    np.cumsum([rows.size for rows in sets], out=offsets[1:])
    return offsets, np.concatenate([np.empty(0, np.int32), *sets])
