"""What is kept of a metric: sums over users, which add up wherever they were counted."""

from typing import Any

import numpy as np
from msgspec import Struct

from core.arrays import F64

Number = Any  # a float, or float64 of any shape: the same sums of many experiments at once


class Sums(Struct, frozen=True):
    """Of `n` users: sums of three values of each, and of the products of every two of them.

    `y` is what the metric counts, `z` what it counts per (1 where it is a mean over users), `x`
    the same user's metric before the experiment (0 where nobody knows).
    """

    n: Number
    y: Number
    z: Number
    x: Number
    yy: Number
    yz: Number
    yx: Number
    zz: Number
    zx: Number
    xx: Number

    def __add__(self, other: "Sums") -> "Sums":
        mine, theirs = (
            [getattr(of, name) for name in of.__struct_fields__] for of in (self, other)
        )
        return Sums(*(one + two for one, two in zip(mine, theirs, strict=True)))

    @property
    def ratio(self) -> Number:
        """What the metric is: y per z."""
        return self.y / self.z

    def covariance(self, one: str, other: str) -> Number:
        """Unbiased; `one` and `other` are two of "x", "y", "z" in the order of the alphabet."""
        product = getattr(self, PRODUCTS[one + other])
        return (product - getattr(self, one) * getattr(self, other) / self.n) / (self.n - 1)


PRODUCTS = {"yy": "yy", "yz": "yz", "xy": "yx", "zz": "zz", "xz": "zx", "xx": "xx"}


def sums(y: F64, z: F64 | None = None, x: F64 | None = None) -> Sums:
    """Add up the users of one arm; every argument is float64 `(..., users)`.

    Raises:
        ValueError: there is nobody, the shapes differ, or a value is not finite.
    """
    given = [y, np.ones_like(y) if z is None else z, np.zeros_like(y) if x is None else x]
    if not y.ndim or not y.shape[-1] or any(one.shape != y.shape for one in given):
        raise ValueError(f"values must be of the same users, got {[one.shape for one in given]}")
    if not all(np.isfinite(one).all() for one in given):
        raise ValueError("values must be finite")
    y, z, x = given
    products = [
        np.vecdot(one, two) for one, two in ((y, y), (y, z), (y, x), (z, z), (z, x), (x, x))
    ]
    return Sums(y.shape[-1], y.sum(-1), z.sum(-1), x.sum(-1), *products)


NOTHING = Sums(0, *[0.0] * 9)
"""Of nobody."""
