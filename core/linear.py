"""Item-to-item weights, and the scores they give a listener's history.

`fit` makes a dense matrix in closed form (row = heard track, column = target), damps popular
targets, keeps the strongest weights of each row and stores them as CSR. Serving needs no
training per listener: a score is a sum over the rows of what was heard.
"""

from dataclasses import dataclass

import numpy as np

from core import checks
from core.arrays import F32, I32, I64
from core.ease import Interactions, checked_interactions, ease, ease_bytes
from core.heap import offer_all, unpack
from core.kernel import kernel
from core.threads import spread


@dataclass(frozen=True)
class ItemWeights:
    """CSR matrix `(n, n)`: row = heard track, column = target, columns ascending in a row.

    It is checked once here, so that kernels may trust it without a bounds check per entry.

    Raises:
        ValueError: The arrays are no such matrix.
    """

    indptr: I64  # int64 (n + 1,)
    indices: I32  # int32 (entries,)
    values: F32  # float32 (entries,)

    def __post_init__(self) -> None:
        """Check the three arrays and hold them read-only."""
        indptr, indices = checks.sparse(self.indptr, self.indices, self.indptr.size - 1)
        values = checks.finite("values", self.values, (indices.size,))
        for name, array in (("indptr", indptr), ("indices", indices), ("values", values)):
            object.__setattr__(self, name, array)

    @property
    def n(self) -> int:
        """Number of tracks."""
        return int(self.indptr.size - 1)

    @property
    def nbytes(self) -> int:
        """Memory of the three arrays."""
        return int(self.indptr.nbytes + self.indices.nbytes + self.values.nbytes)


def fit(
    interactions: Interactions,
    *,
    l2: float,
    popularity_exponent: float,
    neighbours: int,
    max_bytes: int | None = None,
    threads: int = 1,
) -> ItemWeights:
    """Return EASE weights times `listeners ** -popularity_exponent` of their target, truncated.

    Rows and columns of tracks without a listener are empty. Memory: at most `fit_bytes`, counting
    the tracks with a listener only.

    Args:
        interactions: float32 CSR `(users, n)`, columns ascending in a row.
        l2: Regularisation, above 0.
        popularity_exponent: 0 leaves popular targets as they are, more makes them weaker.
        neighbours: Weights kept per heard track.
        max_bytes: Refuse, before anything is allocated, what may take more. None: try.
        threads: Of the truncation; BLAS and LAPACK bring their own.

    Raises:
        ValueError: The matrix or an option does not fit, or it may take more than `max_bytes`.
    """
    interactions = checked_interactions(interactions)
    neighbours = checks.whole("neighbours", neighbours, 1)
    if not np.isfinite(popularity_exponent):
        raise ValueError(f"popularity_exponent must be finite, got {popularity_exponent}")
    columns = interactions.indices[interactions.data != 0]
    listeners = np.bincount(columns, minlength=interactions.shape[1])
    heard = np.flatnonzero(listeners).astype(np.int32)
    needed = fit_bytes(interactions.shape[0], heard.size, interactions.nnz, neighbours=neighbours)
    if max_bytes is not None and needed > max_bytes:
        raise ValueError(f"{heard.size} tracks may take {needed} bytes, max_bytes is {max_bytes}")
    dense = ease(interactions[:, heard], l2=l2)
    dense *= (listeners[heard] ** -float(popularity_exponent)).astype(np.float32)
    return truncate(dense, neighbours, tracks=heard, n=listeners.size, threads=threads)


def fit_bytes(users: int, tracks: int, entries: int, *, neighbours: int) -> int:
    """Return the most memory that `fit` takes beside `interactions`, in bytes.

    The dense matrix (4 n²) decides: 20 000 tracks are 1.6 GB, 50 000 are 10 GB; `core.als` has no
    such matrix. Bounds of all parts are added up, so it is up to twice what was measured when few
    tracks meet many neighbours.

    Args:
        users: Rows of the interactions.
        tracks: Tracks with a listener.
        entries: Interactions.
        neighbours: As for `fit`.
    """
    kept = 21 * tracks * min(neighbours, tracks)
    return ease_bytes(users, tracks, entries) + 24 * entries + 32 * (users + tracks) + kept


def truncate(dense: F32, neighbours: int, *, tracks: I32, n: int, threads: int = 1) -> ItemWeights:
    """Return the `neighbours` strongest entries by absolute value of every row of `dense`.

    Equal strengths go to the lower column; zeros are never kept. Per row, not per column: that
    bounds what a request costs, and is as right. NDCG@10 on the validation part of lastfm_split
    with 50, 100, 200, 400 kept (all: .1617): rows .1489 .1533 .1566 .1579, columns .1475 .1538
    .1579 .1578. The mean score of a listener took 14 to 31 µs by rows and 32 to 140 µs by columns,
    where a popular track's row grew to 11 142 entries.

    Memory beside `dense`: 21 bytes per weight kept, 8 of which are the answer.

    Args:
        dense: float32 `(m, m)`, row = heard, column = target; C-contiguous, else it is copied.
        neighbours: At least 1.
        tracks: int32 `(m,)`, ascending: the track each row and column of `dense` stands for.
        n: Number of tracks of the result.
        threads: Changes how long it takes, not the answer.

    Raises:
        ValueError: A shape, dtype or option does not fit.
    """
    tracks = checks.rows("tracks", tracks, n)
    dense = checks.floats("dense", dense, (tracks.size, tracks.size))
    kept = min(checks.whole("neighbours", neighbours, 1), tracks.size)
    columns = np.empty((tracks.size, kept), np.int32)
    values, counts = np.empty(columns.shape, np.float32), np.empty(tracks.size, np.int64)

    def work(first: int, last: int) -> None:
        _truncate(dense, first, last, columns, values, counts)

    spread(work, np.arange(tracks.size + 1), threads=threads)
    sizes = np.zeros(n + 1, np.int64)
    sizes[tracks + 1] = counts
    filled = np.arange(kept) < counts[:, None]
    return ItemWeights(np.cumsum(sizes), tracks[columns[filled]], values[filled])


def score(weights: ItemWeights, rows: I32, strengths: F32, *, size: int | None = None) -> F32:
    """Return float32 `(size,)`: the sum of `strengths[i] * W[rows[i], :]`, in the order of i.

    Args:
        weights: W.
        rows: int32 `(h,)`.
        strengths: Finite float32 `(h,)`.
        size: n at least: 0 for what is beyond. None: n.

    Raises:
        ValueError: An array does not fit.
    """
    rows = checks.rows("rows", rows, weights.n)
    strengths = checks.finite("strengths", strengths, (rows.size,))
    size = weights.n if size is None else checks.whole("size", size, weights.n)
    out = np.zeros(size, np.float32)
    _score(weights.indptr, weights.indices, weights.values, rows, strengths, out)
    return out


def contributions(weights: ItemWeights, rows: I32, strengths: F32, targets: I32) -> F32:
    """Return float32 `(t, h)`: what each heard row adds to the score of each target.

    Raises:
        ValueError: As for `score`, or `targets` is not int32 `(t,)` within the weights.
    """
    rows = checks.rows("rows", rows, weights.n)
    strengths = checks.finite("strengths", strengths, (rows.size,))
    targets = checks.rows("targets", targets, weights.n)
    out = np.zeros((targets.size, rows.size), np.float32)
    arrays = weights.indptr, weights.indices, weights.values
    _contributions(*arrays, rows, strengths, targets, out)
    return out


@kernel
def _truncate(dense, first, last, columns, values, counts):  # type: ignore[no-untyped-def]
    heap, strengths = np.empty(columns.shape[1], np.int64), np.empty(dense.shape[1], np.float32)
    for row in range(first, last):
        heap[:] = 0
        for column in range(strengths.size):
            strengths[column] = abs(dense[row, column])
        offer_all(strengths, np.float32(0), heap)
        found = unpack(heap, columns[row], values[row])
        columns[row, :found] = np.sort(columns[row, :found])
        columns[row, found:] = 0  # left out, but it has to be a column
        for rank in range(found):
            values[row, rank] = dense[row, columns[row, rank]]
        counts[row] = found


@kernel
def _score(indptr, indices, values, rows, strengths, out):  # type: ignore[no-untyped-def]
    for at in range(rows.size):
        for entry in range(indptr[rows[at]], indptr[rows[at] + 1]):
            out[indices[entry]] += strengths[at] * values[entry]


@kernel
def _contributions(indptr, indices, values, rows, strengths, targets, out):  # type: ignore[no-untyped-def]
    for at in range(rows.size):
        for place in range(targets.size):
            low, high = indptr[rows[at]], indptr[rows[at] + 1]
            stop = high
            while low < high:
                middle = (low + high) // 2
                if indices[middle] < targets[place]:
                    low = middle + 1
                else:
                    high = middle
            if low < stop and indices[low] == targets[place]:
                out[place, at] = strengths[at] * values[low]
