"""A dense item-to-item matrix from the strongest directions of taste.

Shen et al., "How Powerful is Graph Convolution for Recommendation?" (GF-CF, 2021), ideal low-pass
part: with the normalised `N = D_u^-1/2 X D_i^-1/2` and V its top right singular vectors, the
weights are `D_i^-1/2 V V' D_i^1/2`. What survives is what many listeners agree on; noise is in the
rest.
"""

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import svds

from core import checks
from core.arrays import F32
from core.ease import Interactions, checked_interactions

SEED = 0


def spectral(interactions: Interactions, *, dimensions: int) -> F32:
    """Return the spectral matrix, float32 `(n, n)`: row = heard track, column = target, diagonal 0.

    Deterministic: the iteration starts from a fixed vector. Memory: `4 n²` bytes.

    Args:
        interactions: float32 CSR `(users, n)`, columns ascending in a row, not negative.
        dimensions: How many directions to keep, 1 to min(users, n) - 1.

    Raises:
        ValueError: The matrix or `dimensions` does not fit.
    """
    interactions = checked_interactions(interactions)
    if interactions.data.min(initial=0) < 0:
        raise ValueError("interactions must not be negative")
    dimensions = checks.whole("dimensions", dimensions, 1)
    if dimensions >= min(interactions.shape):
        raise ValueError(f"dimensions must be below {min(interactions.shape)}, got {dimensions}")
    of_users, of_tracks = (
        np.maximum(interactions.sum(axis=axis, dtype=np.float64), 1e-9) for axis in (1, 0)
    )
    normal = csr_array(diags_array(of_users**-0.5) @ interactions @ diags_array(of_tracks**-0.5))
    start = np.random.default_rng(SEED).random(min(normal.shape))
    _, _, directions = svds(normal.astype(np.float64), k=dimensions, v0=start)
    left = (directions * of_tracks**-0.5).astype(np.float32)
    right = (directions * of_tracks**0.5).astype(np.float32)
    dense = left.T @ right
    np.fill_diagonal(dense, 0)
    return np.asarray(dense, np.float32)
