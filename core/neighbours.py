"""User-to-user cosine: how alike the histories of two listeners are.

Only the users who share a track with the listener are touched, through the transposed matrix.
`cosine` answers for one listener against everybody; `core.communities` for everybody at once.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core import checks
from core.arrays import F32, I32, I64
from core.kernel import kernel


@dataclass(frozen=True)
class ByTrack:
    """The interactions transposed, CSR `(n, users)`: who has how much of a track.

    Checked once here, so that the kernel may trust it.

    Raises:
        ValueError: The arrays are no CSR matrix with users ascending in a row.
    """

    indptr: I64  # int64 (n + 1,)
    users: I32  # int32 (entries,)
    values: F32  # float32 (entries,)

    def __post_init__(self) -> None:
        """Check the three arrays and hold them read-only."""
        indptr, users = checks.sparse(self.indptr, self.users)
        values = checks.finite("values", self.values, (users.size,))
        for name, array in (("indptr", indptr), ("users", users), ("values", values)):
            object.__setattr__(self, name, array)

    @cached_property
    def least_users(self) -> int:
        """The least number of users that makes every entry valid."""
        return int(self.users.max(initial=-1)) + 1


def cosine(
    by_track: ByTrack, norms: F32, rows: I32, strengths: F32, *, min_overlap: int = 1
) -> F32:
    """Return the cosine of one listener's history with that of every user, float32 `(users,)`.

    The dot product is added up in float32 in the order of `rows`, the listener's norm in float64;
    the one is divided by the float32 product of both norms. It is 0 for a user with fewer than
    `min_overlap` tracks in common or a norm of 0, and for everybody when the listener's norm is 0.

    Args:
        by_track: The interactions by track.
        norms: float32 `(users,)`: the length of each user's whole history.
        rows: int32 `(h,)`, the tracks of the listener, each once.
        strengths: float32 `(h,)`, finite.
        min_overlap: At least 1; a single shared track says little.

    Raises:
        ValueError: An array or option does not fit.
    """
    rows = checks.rows("rows", rows, by_track.indptr.size - 1)
    if np.unique(rows).size != rows.size:
        raise ValueError("rows must not repeat")
    strengths = checks.finite("strengths", strengths, (rows.size,))
    norms = checks.finite("norms", norms, ("users",))
    if norms.size < by_track.least_users:
        raise ValueError(f"norms must cover {by_track.least_users} users, got {norms.size}")
    if (norms < 0).any():
        raise ValueError(f"norms must not be negative, got {norms.min()}")
    min_overlap = checks.whole("min_overlap", min_overlap, 1)
    out = np.zeros(norms.size, np.float32)
    arrays = by_track.indptr, by_track.users, by_track.values
    _cosine(*arrays, norms, rows, strengths, min_overlap, out)
    return out


@kernel
def _cosine(indptr, users, values, norms, rows, strengths, min_overlap, out):  # type: ignore[no-untyped-def]
    shared, squares = np.zeros(out.size, np.int32), 0.0
    for at in range(rows.size):
        squares += np.float64(strengths[at]) * np.float64(strengths[at])
        for entry in range(indptr[rows[at]], indptr[rows[at] + 1]):
            out[users[entry]] += strengths[at] * values[entry]
            shared[users[entry]] += 1
    norm = np.float32(np.sqrt(squares))
    for user in range(out.size):
        length = norm * norms[user]
        fits = shared[user] >= min_overlap and length > 0
        out[user] = out[user] / length if fits else np.float32(0)
