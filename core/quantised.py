"""Features in a quarter of the room, beside their like, so that little of it is read.

A feature of 0..1 becomes a byte: 0..254, or 255 when it is missing. Rows are put into cells of
their like (`core.cells`), and the bytes of a cell lie in a tile (`core.tiles`). What the bytes lose
is bounded, which is how `core.nearest` still answers exactly.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core import checks
from core.arrays import F32, I32
from core.cells import MISSING, NOBODY, arrange, boxes
from core.kernel import kernel
from core.tiles import place, width

STEPS = 254


@dataclass(frozen=True, eq=False)
class Quantised:
    """A catalogue prepared once for many calls of `core.similarity.similar`.

    Memory: one byte per feature, made even, and four for the place of a row, beside the float32
    features, which it keeps and does not copy: they must not change. Measured, 1M x 6: 0.2 s to
    make, 10 MB; while it is made, 10 MB more.

    Raises:
        ValueError: `features` is not C-contiguous float32 `(d, n)`, or a value is outside 0..1.
    """

    features: F32  # float32 (d, n), feature-major, 0..1, NaN is missing
    missing: bool = field(init=False)  # whether any feature is
    order: I32 = field(init=False, repr=False)  # int32 (cells * 64,): row at a place, -1 for none
    tiles: NDArray[np.uint8] = field(init=False, repr=False)  # bytes by place
    boxes: NDArray[np.uint8] = field(init=False, repr=False)  # uint8 (2, d, cells): least, greatest

    def __post_init__(self) -> None:
        """Check the features and pack them."""
        if not self.features.flags.c_contiguous:
            raise ValueError("features must be C-contiguous")
        features = checks.floats("features", self.features, ("d", "n"))
        d, n = features.shape
        codes = np.empty((n, d), np.uint8)
        outside, missing = _encode(features, codes)
        if outside >= 0:
            at = (outside // n, outside % n)
            raise ValueError(f"features must be in 0..1 or NaN, got {features[at]} at {at}")
        order = arrange(codes, missing=missing)
        tiles = np.zeros(order.size * width(d), np.uint8)
        _pack(codes, order, width(d), tiles)
        made = {"features": features, "order": order, "tiles": tiles}
        for name, array in (made | {"boxes": boxes(codes, order)}).items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "missing", bool(missing))

    @property
    def n(self) -> int:
        """Number of tracks."""
        return int(self.features.shape[1])


@kernel
def _encode(features, codes):  # type: ignore[no-untyped-def]
    """Write codes; return where a value is outside 0..1, or -1, and whether one is missing."""
    d, n = features.shape
    missing = False
    for j in range(d):
        for row in range(n):
            value = features[j, row]
            if np.isnan(value):
                codes[row, j], missing = MISSING, True
            elif 0 <= value <= 1:
                codes[row, j] = int(value * np.float32(STEPS) + np.float32(0.5))
            else:
                return j * n + row, missing
    return -1, missing


@kernel
def _pack(codes, order, width, tiles):  # type: ignore[no-untyped-def]
    for at in range(order.size):
        if order[at] != NOBODY:
            for j in range(codes.shape[1]):
                tiles[place(at, j, width)] = codes[order[at], j]
