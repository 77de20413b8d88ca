"""Intervals that hold however often somebody looks.

The asymptotic confidence sequence of Waudby-Smith et al. (Time-uniform central limit theory and
asymptotic confidence sequences, Annals of Statistics 2024, Theorem 2.2), narrowest at the number of
users that was planned. It is wider than an interval for one look: that is the price of peeking.
"""

import numpy as np

from service.experiments.effect import estimates
from service.experiments.sums import Number, Sums


def half_width(error: Number, n: Number, *, planned: float, level: float = 0.95) -> Number:
    """Half of the interval around a difference with this standard error.

    Args:
        error: Of the difference now, in units of the metric.
        n: Users per arm so far; the harmonic mean where arms differ.
        planned: Users per arm at which the interval shall be narrowest.
        level: How likely it is that the truth is never outside.

    Raises:
        ValueError: `planned` is below 1, or `level` not between 0 and 1.
    """
    if planned < 1 or not 0 < level < 1:
        raise ValueError(f"planned users and level make no interval: {planned}, {level}")
    log = -2 * np.log(1 - level)
    scale = n * (log + np.log(log + 1)) / planned  # n rho²
    return error * np.sqrt(2 * (scale + 1) / scale * np.log(np.sqrt(scale + 1) / (1 - level)))


def sequence(
    control: Sums, variant: Sums, *, planned: float, level: float = 0.95
) -> tuple[Number, Number]:
    """The interval of the difference, for whoever looks now and at any other time.

    Raises:
        ValueError: as `half_width`
    """
    one, other = estimates(control, variant)
    error = np.sqrt(one.variance / one.n + other.variance / other.n)
    n = 2 / (1 / one.n + 1 / other.n)
    within, difference = half_width(error, n, planned=planned, level=level), other.value - one.value
    return difference - within, difference + within
