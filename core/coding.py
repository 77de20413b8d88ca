"""A code per row, and the rows of each code: what a table of few numbers speaks of."""

from dataclasses import dataclass, field

import numpy as np

from core import checks
from core.arrays import I32, I64


@dataclass(frozen=True, eq=False)
class Coding:
    """Codes with their rows in order. A table for it has `size` values, the last also for code -1.

    Memory: 4 bytes a row beside the codes, which it keeps and does not copy: they must not change.

    Raises:
        ValueError: `codes` is not int32 `(n,)` from -1 to `size` - 1, or `size` is not at least 1.
    """

    codes: I32  # int32 (n,)
    size: int
    counts: I64 = field(init=False, repr=False)  # int64 (size,): how many rows have each code
    begins: I64 = field(init=False, repr=False)  # int64 (size + 1,): code i is at
    order: I32 = field(init=False, repr=False)  # int32 (n,): order[begins[i]:begins[i + 1]]

    def __post_init__(self) -> None:
        """Check the codes and put their rows in order."""
        size = checks.whole("size", self.size, 1)
        codes = checks.ints("codes", self.codes, ("n",))
        places = np.where(codes == -1, size - 1, codes)
        checks.rows("codes", places.astype(np.int32), size)
        counts = np.bincount(places, minlength=size).astype(np.int64)
        begins = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        order = np.argsort(places, kind="stable").astype(np.int32)
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "counts", checks.longs("counts", counts, (size,)))
        object.__setattr__(self, "begins", checks.longs("begins", begins, (size + 1,)))
        object.__setattr__(self, "order", checks.ints("order", order, codes.shape))

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.codes.size)
