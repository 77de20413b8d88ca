"""Factors with a byte copy beside them, so that a search reads a quarter of the memory.

Rows lie in blocks of 256. Each block has its own scale, so one row of great norm costs its own
block some precision and no other. A byte is `round(x / scale) + 128`; in bytes a block's tiles are
laid out as `core.simd` wants them.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core import checks
from core.arrays import F32, F64, I32
from core.kernel import kernel
from core.tiles import TILE, place, width

BLOCK = 256
WHOLE = 127
MIDDLE = 128
FLUSHED = 2.0**-126


@dataclass(frozen=True, eq=False)
class Factors:
    """A catalogue prepared once for many calls of `core.mips`.

    Memory: ceil(d / 4) * 4 bytes a row beside the float32 factors, which it keeps and does not
    copy: they must not change. Measured, 1M x 64: 0.16 s to make, 64 MB.

    Raises:
        ValueError: `values` is not finite float32 `(n, d)`.
    """

    values: F32  # float32 (n, d)
    tiles: NDArray[np.uint8] = field(init=False, repr=False)
    scales: F64 = field(init=False, repr=False)  # float64 (blocks,): the step of a byte
    norms: F64 = field(init=False, repr=False)  # float64 (blocks,): greatest norm of a row
    losses: F64 = field(init=False, repr=False)  # float64 (blocks,): greatest norm lost to bytes
    order: I32 = field(init=False, repr=False)  # int32 (blocks,): greatest norms first

    def __post_init__(self) -> None:
        """Check the factors and pack them."""
        values = checks.finite("factors", self.values, ("n", "d"))
        n, d = values.shape
        tiles = np.full(-(-n // TILE) * width(d) * TILE, MIDDLE, np.uint8)
        scales, norms, losses = np.zeros((3, -(-n // BLOCK)), np.float64)
        _pack(values, width(d), tiles, scales, norms, losses)
        # By powers of 2^(1/4), and by row within one: nearly equal norms are read in order.
        steps = np.round(4 * np.log2(np.maximum(norms, FLUSHED)))
        order = np.argsort(-steps, kind="stable").astype(np.int32)
        made = {"values": values, "tiles": tiles, "scales": scales}
        for name, array in (made | {"norms": norms, "losses": losses, "order": order}).items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def d(self) -> int:
        """Number of factors of a row."""
        return int(self.values.shape[1])


@kernel
def _pack(values, width, tiles, scales, norms, losses):  # type: ignore[no-untyped-def]
    n, d = values.shape
    for block in range(scales.size):
        stop, most = min((block + 1) * BLOCK, n), 0.0
        for row in range(block * BLOCK, stop):
            for j in range(d):
                most = max(most, abs(np.float64(values[row, j])))
        # Below 1e-300 the division would not be finite; such a block's bytes are all 0.
        scale = most / WHOLE if most > 1e-300 else 0.0
        for row in range(block * BLOCK, stop):
            norm = loss = 0.0
            for j in range(d):
                value = np.float64(values[row, j])
                code = np.rint(value / scale) if scale > 0 else 0.0
                tiles[place(row, j, width)] = np.uint8(code + MIDDLE)
                norm += value * value
                loss += (value - code * scale) ** 2
            # Both are rounded up: they are bounds. A library may have told this thread to take
            # denormal numbers for 0 (implicit does, at import): then no more than FLUSHED is lost.
            norms[block] = max(norms[block], np.sqrt(norm) * (1 + 1e-9) + d * FLUSHED)
            losses[block] = max(losses[block], np.sqrt(loss) * (1 + 1e-9) + d * FLUSHED)
        scales[block] = scale
