"""Whether users came to the variants as they were meant to: nothing else counts if they did not.

A chi-square test against the weights (Fabijan et al., Diagnosing Sample Ratio Mismatch in Online
Controlled Experiments, KDD 2019).
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from scipy import special

WARNS, ALARMS = 0.01, 0.001


class AllocationCheck(Struct, frozen=True):
    """`p` of so uneven a split by chance; an alarm says that something takes users away."""

    p: float
    verdict: Literal["ok", "warning", "alarm"]


def check_allocation(counts: Sequence[int], weights: Sequence[float]) -> AllocationCheck:
    """Compare users per variant with the variants' weights.

    Raises:
        ValueError: fewer than two variants, or no weight above 0 for one of them.
    """
    if len(counts) != len(weights) or len(counts) < 2 or min(weights) <= 0:
        raise ValueError(f"counts {list(counts)} do not fit the weights {list(weights)}")
    total = sum(counts)
    if not total:
        return AllocationCheck(1.0, "ok")
    expected = [total * weight / sum(weights) for weight in weights]
    apart = sum((one - of) ** 2 / of for one, of in zip(counts, expected, strict=True))
    p = float(special.chdtrc(len(counts) - 1, apart))
    return AllocationCheck(p, "alarm" if p < ALARMS else "warning" if p < WARNS else "ok")
