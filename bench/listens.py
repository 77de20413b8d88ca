"""Listens as they come in life, made from a seed: few tracks are heard by many."""

import numpy as np
from scipy.sparse import csr_array

POPULARITY = 0.7  # the r-th track has a share of r ** -0.7: a long tail


def listens(users: int, tracks: int, entries: int, *, seed: int = 0) -> csr_array:
    """Return play counts 1..4, float32 CSR `(users, tracks)`, about `entries` of them."""
    rng = np.random.default_rng(seed)
    shares = np.arange(1, tracks + 1) ** -POPULARITY
    columns = rng.choice(tracks, entries, p=shares / shares.sum())
    rows = rng.integers(0, users, entries)
    counts = rng.integers(1, 5, entries).astype(np.float32)
    drawn = csr_array((counts, (rows, columns)), shape=(users, tracks))
    drawn.sum_duplicates()
    drawn.sort_indices()
    np.minimum(drawn.data, 4, out=drawn.data)
    return drawn
