"""Offline quality of shown lists: is it right, is it broad, is it fair, is it new.

`shown` is int32 `(users, k)`, best first, padded with -1. A row shown twice to a user is right only
once. The formulas are those of the protocols the published results use (NDCG: Järvelin and
Kekäläinen 2002, binary gains).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core import checks
from core.arrays import F64, I32, I64, Flags
from core.kernel import kernel

PADDING = -1  # fills a list that is shorter than k


@dataclass(frozen=True)
class Truth:
    """The rows each user did choose, CSR pattern `(users, n)`, ascending for a user.

    Raises:
        ValueError: The arrays are no such pattern.
    """

    indptr: I64  # int64 (users + 1,)
    indices: I32  # int32 (entries,)

    def __post_init__(self) -> None:
        """Check both arrays and hold them read-only."""
        indptr, indices = checks.sparse(self.indptr, self.indices)
        object.__setattr__(self, "indptr", indptr)
        object.__setattr__(self, "indices", indices)

    @property
    def sizes(self) -> F64:
        """How many rows each user chose, float64 `(users,)`; NaN for none."""
        sizes = np.diff(self.indptr).astype(np.float64)
        sizes[sizes == 0] = np.nan
        return sizes


def recall(shown: I32, truth: Truth) -> F64:
    """Return the share of each user's truth that was shown, float64 `(users,)`; NaN without truth.

    Raises:
        ValueError: `shown` is not int32 `(users, k)` for the users of `truth`.
    """
    found: F64 = _hits(shown, truth).sum(axis=1) / truth.sizes
    return found


def ndcg(shown: I32, truth: Truth) -> F64:
    """Return each user's binary NDCG, float64 `(users,)`; NaN without truth.

    The ideal list has its hits first: min(k, size of the truth) of them.

    Raises:
        ValueError: `shown` is not int32 `(users, k)` for the users of `truth`.
    """
    hits = _hits(shown, truth)
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discounts)[np.minimum(np.diff(truth.indptr), hits.shape[1]) - 1]
    ideal[np.isnan(truth.sizes)] = np.nan
    gains: F64 = (hits * discounts).sum(axis=1) / ideal
    return gains


def mrr(shown: I32, truth: Truth) -> F64:
    """Return 1 / the rank of each user's first hit, float64 `(users,)`; 0 for none, NaN w/o truth.

    Raises:
        ValueError: `shown` is not int32 `(users, k)` for the users of `truth`.
    """
    hits = _hits(shown, truth)
    found = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0.0)
    return np.where(np.isnan(truth.sizes), np.nan, found)


def coverage(shown: I32, n: int) -> float:
    """Return the share of `n` rows that anybody was shown.

    Raises:
        ValueError: `shown` is not int32 `(users, k)` of rows below `n`.
    """
    return np.unique(_slots(shown, n)).size / n


def gini(exposure: NDArray[np.integer] | F64) -> float:
    """Return the Gini coefficient of how often each of n rows was shown: 0 equal, towards 1 unfair.

    Args:
        exposure: Counts `(n,)`, zeros included.

    Raises:
        ValueError: Not `(n,)`, a count that is negative or not finite, or all zero.
    """
    if exposure.ndim != 1:
        raise ValueError(f"exposure must be (n,), got {exposure.shape}")
    ordered = np.sort(exposure.astype(np.float64))
    total = ordered.sum()
    if not 0 < total < np.inf or ordered[0] < 0:
        raise ValueError("exposure must be finite, not negative and not all zero")
    ranks = np.arange(1, ordered.size + 1)
    return float((2 * ranks - ordered.size - 1) @ ordered / (ordered.size * total))


def novelty(shown: I32, listeners: NDArray[np.integer], users: int) -> float:
    """Return the mean over shown slots of `-log2(listeners / users) / log2(users)`.

    0 when everybody knows every track shown, 1 when one user each does. A track without a listener
    counts as if it had one. NaN when nothing was shown.

    Args:
        shown: int32 `(users, k)`.
        listeners: Integers `(n,)`: how many users know each row.
        users: At least 2.

    Raises:
        ValueError: An array or number does not fit, or a row has more listeners than `users`.
    """
    known = _known_shares(shown, listeners, users)
    return float(np.mean(-np.log2(known)) / np.log2(users)) if known.size else float("nan")


def rarity(shown: I32, listeners: NDArray[np.integer], users: int) -> float:
    """Return the mean over shown slots of `1 - listeners / users`: the second novelty.

    Arguments, exceptions and NaN as for `novelty`.
    """
    known = _known_shares(shown, listeners, users)
    return float(np.mean(1 - known)) if known.size else float("nan")


def _known_shares(shown: I32, listeners: NDArray[np.integer], users: int) -> F64:
    """The share of users who know the track of each shown slot."""
    if listeners.ndim != 1 or not np.issubdtype(listeners.dtype, np.integer):
        raise ValueError(
            f"listeners must be integers (n,), got {listeners.dtype} {listeners.shape}"
        )
    users = checks.whole("users", users, max(2, int(listeners.max(initial=0))))
    known: F64 = np.maximum(listeners[_slots(shown, listeners.size)], 1) / users
    return known


def _slots(shown: I32, n: int) -> I32:
    shown = checks.ints("shown", shown, ("users", "k"))
    return checks.rows("shown", shown[shown != PADDING], checks.whole("n", n, 1))


def _hits(shown: I32, truth: Truth) -> Flags:
    shown = checks.ints("shown", shown, (truth.indptr.size - 1, "k"))
    checks.whole("k", shown.shape[1], 1)
    hits = np.zeros(shown.shape, np.bool_)
    _mark_hits(shown, truth.indptr, truth.indices, hits)
    return hits


@kernel
def _mark_hits(shown, indptr, indices, hits):  # type: ignore[no-untyped-def]
    for user in range(shown.shape[0]):
        wanted = indices[indptr[user] : indptr[user + 1]]
        for rank in range(shown.shape[1]):
            row = shown[user, rank]
            at = np.searchsorted(wanted, row)
            if at < wanted.size and wanted[at] == row:
                hits[user, rank] = row not in shown[user, :rank]
