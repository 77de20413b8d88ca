"""How unlike each other the rows of one list are.

Two rows are as alike as their listeners: the cosine between their columns of the interactions. That
exists for any data, with or without genres or audio features. The diversity of a list is the mean
of `1 - cosine` over its pairs (Ziegler et al., "Improving recommendation lists through topic
diversification", 2005). With unit columns v, the sum over pairs is `(|sum v|² - m) / 2`, so no pair
is ever looked at.
"""

import numpy as np
from scipy.sparse import csr_array, diags_array

from core import checks
from core.arrays import F64, I32
from core.ease import Interactions, checked_interactions
from core.evaluation import PADDING

BLOCK = 256  # lists at a time: bounds what is held beside the interactions


def diversity(shown: I32, interactions: Interactions) -> F64:
    """Return the mean distance between the rows of each list, float64 `(lists,)`, 0..1.

    NaN for a list of fewer than two rows. A row without listeners is as far as can be from any
    other.

    Args:
        shown: int32 `(lists, k)`, padded with -1; a row at most once in a list.
        interactions: float32 CSR `(users, n)`, not negative.

    Raises:
        ValueError: An array does not fit.
    """
    interactions = checked_interactions(interactions)
    if interactions.data.min(initial=0) < 0:
        raise ValueError("interactions must not be negative")
    shown = checks.ints("shown", shown, ("lists", "k"))
    checks.rows("shown", shown[shown != PADDING], interactions.shape[1])
    lengths = np.sqrt(interactions.multiply(interactions).sum(axis=0))
    units = (interactions @ diags_array(1 / np.maximum(lengths, 1e-30))).T.tocsr()
    out = np.empty(len(shown), np.float64)
    for start in range(0, len(shown), BLOCK):
        out[start : start + BLOCK] = _distances(shown[start : start + BLOCK], units)
    return out


def _distances(shown: I32, units: csr_array) -> F64:
    filled = shown != PADDING
    sizes = filled.sum(axis=1)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    ones = np.ones(indptr[-1], np.float64)
    lists = csr_array((ones, shown[filled], indptr), shape=(len(shown), units.shape[0]))
    heard = (np.diff(units.indptr) > 0).astype(np.float64)
    together = lists @ units
    alike = np.asarray(together.multiply(together).sum(axis=1)).ravel() - lists @ heard
    pairs = np.where(sizes > 1, sizes * (sizes - 1), np.nan)
    distances: F64 = 1 - alike / pairs
    return distances
