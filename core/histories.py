"""The interactions as kernels read them, from either side."""

from dataclasses import dataclass

import numpy as np

from core import checks
from core.arrays import F32, I32, I64
from core.ease import Interactions, checked_interactions


@dataclass(frozen=True)
class Histories:
    """One side of the interactions, CSR: row = listener and column = track, or the other way round.

    Raises:
        ValueError: The arrays are no CSR matrix with columns ascending in a row.
    """

    indptr: I64  # int64 (rows + 1,)
    columns: I32  # int32 (entries,)
    strengths: F32  # float32 (entries,), finite

    def __post_init__(self) -> None:
        """Check the three arrays and hold them read-only."""
        indptr, columns = checks.sparse(self.indptr, self.columns)
        strengths = checks.finite("strengths", self.strengths, (columns.size,))
        for name, array in (("indptr", indptr), ("columns", columns), ("strengths", strengths)):
            object.__setattr__(self, name, array)

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.indptr.size - 1)

    def part(self, first: int, last: int) -> "Histories":
        """The rows from `first` to `last` alone."""
        bounds = self.indptr[first : last + 1]
        entries = slice(bounds[0], bounds[-1])
        return Histories(bounds - bounds[0], self.columns[entries], self.strengths[entries])


def histories(interactions: Interactions) -> tuple[Histories, Histories]:
    """Return the interactions by listener and by track.

    Raises:
        ValueError: `interactions` is not finite float32 CSR with ascending columns.
    """
    by_user = checked_interactions(interactions)
    sides = by_user, by_user.T.tocsr()
    by_listener, by_track = (
        Histories(side.indptr.astype(np.int64), side.indices.astype(np.int32), side.data)
        for side in sides
    )
    return by_listener, by_track
