"""The dense EASE matrix.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (2019): with listeners as rows of X,
`P = (X'X + L)^-1` and `B = -P / diag(P)` (each column by its own diagonal entry), diagonal 0. L is
`l2 I` there; here it may be any diagonal matrix, one penalty per track.

The smaller of two Gram matrices is inverted. With `K = (X L^-1 X' + I)^-1` and `Q = L^-1 X'KX` the
Woodbury identity gives `P L = I - Q`, so `B = Q / (1 - diag(Q))` off the diagonal. 17 388 tracks
of 1 885 listeners took 4.4 s through XX' and 76 s through X'X (2 cores); `numpy.linalg.inv` on
X'X, 219 s.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_array, csr_matrix, diags_array

from core import checks
from core.arrays import F32, F64
from core.kernel import kernel

Interactions = csr_array | csr_matrix  # float32 (users, n); entry = strength of a listener's taste
Invert = Callable[[F32 | F64, F64], None]  # as `invert`: whoever has other hands for it
BLOCK = 512  # tracks per product; bounds what is held beside the dense matrix


def ease(interactions: Interactions, *, l2: float | F32, inverse: Invert | None = None) -> F32:
    """Return the EASE matrix, float32 `(n, n)`: row = heard track, column = target, diagonal 0.

    Memory: at most `ease_bytes`; the answer is `4 n²` bytes of it.

    Args:
        interactions: float32 CSR `(users, n)`, columns ascending in a row.
        l2: Penalty, above 0; one for all tracks or float32 `(n,)`.
        inverse: Does what `invert` does, and takes its place.

    Raises:
        ValueError: The matrix does not fit, `l2` is not above 0, or it is so small beside the
            greatest eigenvalue that the Gram matrix is not positive definite.
    """
    interactions = checked_interactions(interactions)
    users, n = interactions.shape
    penalties = _checked_penalties(l2, n)
    make = _by_tracks if n <= users else _by_users
    dense = make(interactions, penalties, inverse or invert)
    np.fill_diagonal(dense, 0)
    return dense


def ease_bytes(users: int, tracks: int, entries: int) -> int:
    """Return the most memory that `ease` takes, its answer included, in bytes."""
    transposed = 24 * entries + 8 * (users + tracks)
    if tracks <= users:
        # A block of products is sparse (12 bytes each), dense, and copied into its place.
        return 4 * tracks**2 + 20 * min(BLOCK, tracks) * tracks + transposed + 64 * tracks
    # The Gram matrix is sparse, then dense (8 bytes); later blocks of it meet all tracks.
    inverted = 24 * users**2
    blocks = 8 * users**2 + 4 * tracks**2 + min(BLOCK, tracks) * (16 * users + 16 * tracks)
    return max(inverted, blocks) + transposed + 12 * entries


def checked_interactions(interactions: Interactions) -> csr_array:
    """Return `interactions` as a `csr_array` that shares its arrays.

    Raises:
        ValueError: It is not finite float32 CSR with ascending columns in every row.
    """
    if interactions.format != "csr" or interactions.dtype != np.float32:
        got = f"{interactions.dtype} {interactions.format}"
        raise ValueError(f"interactions must be float32 csr, got {got}")
    if not interactions.has_canonical_format:
        raise ValueError("interactions must have ascending columns: call sum_duplicates() first")
    if not np.isfinite(interactions.data).all():
        raise ValueError("interactions must be finite")
    return csr_array(interactions)


def _checked_penalties(l2: float | F32, n: int) -> F64:
    if isinstance(l2, np.ndarray):
        l2 = checks.finite("l2", l2, (n,))
    penalties = np.broadcast_to(np.asarray(l2, np.float64), n)
    if not ((penalties > 0) & (penalties < np.inf)).all():
        raise ValueError(f"l2 must be above 0 and finite, got {l2}")
    return penalties


def _by_tracks(interactions: csr_array, penalties: F64, inverse: Invert) -> F32:
    n = interactions.shape[1]
    # float32: half the memory. The error grows as 6e-8 x greatest eigenvalue / l2; on lastfm_split
    # (l2 = 200) no weight was off by more than 1.4e-6 of the greatest one.
    dense = np.empty((n, n), np.float32)
    by_track = interactions.T.tocsr()
    for start in range(0, n, BLOCK):
        dense[start : start + BLOCK] = (by_track[start : start + BLOCK] @ interactions).toarray()
    inverse(dense, penalties)
    dense /= -dense.diagonal()
    return dense


def _by_users(interactions: csr_array, penalties: F64, inverse: Invert) -> F32:
    n = interactions.shape[1]
    # float64: the matrix is the smaller one, and 1 - diag(Q) below cancels.
    scaled = (interactions @ diags_array(1 / penalties)).astype(np.float64)
    gram = (scaled @ interactions.T).toarray()  # in one step: nobody keeps the sparse product
    inverse(gram, np.ones(len(gram)))
    dense = np.empty((n, n), np.float32)
    by_track = interactions.T.tocsr()
    for start in range(0, n, BLOCK):
        block = by_track[start : start + BLOCK] @ gram  # K is symmetric: (KX)'
        columns = by_track @ np.ascontiguousarray(block.T)
        columns /= penalties[:, None]
        columns /= 1 - columns[start : start + BLOCK].diagonal()
        dense[:, start : start + BLOCK] = columns
    return dense


def invert(gram: F32 | F64, penalties: F64) -> None:
    """Replace the symmetric `gram` by `(gram + diag(penalties))^-1`, in place.

    Cholesky (potrf, potri) takes a third of the time of `numpy.linalg.inv`.

    Raises:
        ValueError: The sum is not positive definite.
    """
    if gram.size == 0:  # LAPACK would complain on stderr
        return
    factorise(gram, penalties)
    finish = lapack.spotri if gram.dtype == np.float32 else lapack.dpotri
    finish(gram.T, lower=1, overwrite_c=1)
    _mirror(gram)


def factorise(gram: F32 | F64, penalties: F64) -> None:
    """Replace the symmetric `gram` by the Cholesky factor of `gram + diag(penalties)`, in place.

    The factor is above the diagonal; below it is what was there.

    Raises:
        ValueError: The sum is not positive definite.
    """
    gram[np.diag_indices_from(gram)] += penalties.astype(gram.dtype)
    factor = lapack.spotrf if gram.dtype == np.float32 else lapack.dpotrf
    # LAPACK works in place on Fortran order, and the transpose of a symmetric C array is that.
    _, failed = factor(gram.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise ValueError("l2 is too small: the Gram matrix is not positive definite")


def inverse_rows(factor: F32 | F64, first: int, last: int) -> F32 | F64:
    """Return rows `first` to `last` of the inverse whose `factorise`d matrix this is.

    All rows take three times the work of `invert`; each block of them can be made elsewhere.
    """
    solve = lapack.spotrs if factor.dtype == np.float32 else lapack.dpotrs
    unit = np.zeros((len(factor), last - first), factor.dtype, order="F")
    unit[np.arange(first, last), np.arange(last - first)] = 1
    rows, _ = solve(factor.T, unit, lower=1, overwrite_b=1)
    found: F32 | F64 = rows.T
    return found


@kernel
def _mirror(square):  # type: ignore[no-untyped-def]
    """Copy the upper triangle to the lower one, tile by tile so that both stay in cache."""
    n, tile = square.shape[0], 64
    for top in range(0, n, tile):
        for left in range(0, top + 1, tile):
            for row in range(top, min(top + tile, n)):
                for column in range(left, min(left + tile, row)):
                    square[row, column] = square[column, row]
