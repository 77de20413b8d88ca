"""How much a variant differs from the control, and how sure that is.

A metric is a ratio of two means; a mean over users is one whose denominator is always 1. Its
variance is the delta method's (Deng et al., Applying the Delta Method in Metric Analytics, KDD
2018). What users did before the experiment takes away the part of the variance that it explains:
CUPED (Deng et al., Improving the Sensitivity of Online Controlled Experiments, WSDM 2013). The
test is Welch's.
"""

import numpy as np
from msgspec import Struct
from scipy import special

from service.experiments.sums import Number, Sums


class Estimate(Struct, frozen=True):
    """A metric of one arm: its value, the variance of one user's part in it, and how many users."""

    value: Number
    variance: Number
    n: Number


class Effect(Struct, frozen=True):
    """Variant against control, with an interval for a look on a day that was fixed beforehand.

    `lift` is relative to the control: .03 is three per cent more.
    """

    control: Number
    variant: Number
    difference: Number
    low: Number
    high: Number
    lift: Number
    lift_low: Number
    lift_high: Number
    p: Number
    error: Number  # standard error of the difference


def estimates(control: Sums, variant: Sums) -> tuple[Estimate, Estimate]:
    """Both arms, with what was known before taken off; without a covariate as they are."""
    both = control + variant
    spread = both.covariance("x", "x")
    known = spread > 0
    slope = np.where(known, _with_covariate(both, both.ratio) / np.where(known, spread, 1), 0.0)
    return _estimate(control, slope, both), _estimate(variant, slope, both)


def effect(control: Sums, variant: Sums, *, level: float = 0.95) -> Effect:
    """Compare two arms.

    Where the control is 0 there is no lift: it is NaN or infinite.

    Raises:
        ValueError: `level` is not between 0 and 1, or an arm has fewer than two users.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    if np.any(control.n < 2) or np.any(variant.n < 2):
        raise ValueError("each arm needs two users to say how they differ")
    one, other = estimates(control, variant)
    difference = other.value - one.value
    error, freedom = _welch(one.variance / one.n, one.n, other.variance / other.n, other.n)
    within = special.stdtrit(freedom, (1 + level) / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = [arm.variance / arm.n / arm.value**2 for arm in (one, other)]
        of_log, log_freedom = _welch(relative[0], one.n, relative[1], other.n)
        factor = np.exp(special.stdtrit(log_freedom, (1 + level) / 2) * of_log)
        ratio = other.value / one.value
        p = 2 * special.stdtr(freedom, -np.abs(difference) / error)
    return Effect(
        control=one.value,
        variant=other.value,
        difference=difference,
        low=difference - within,
        high=difference + within,
        lift=ratio - 1,
        lift_low=np.minimum(ratio / factor, ratio * factor) - 1,
        lift_high=np.maximum(ratio / factor, ratio * factor) - 1,
        p=np.where(error > 0, p, np.where(difference == 0, 1.0, 0.0))[()],
        error=error,
    )


def _estimate(arm: Sums, slope: Number, both: Sums) -> Estimate:
    ratio, per = arm.ratio, arm.z / arm.n
    variance = (
        arm.covariance("y", "y")
        - 2 * ratio * arm.covariance("y", "z")
        + ratio**2 * arm.covariance("z", "z")
    ) / per**2
    shared, spread = _with_covariate(arm, ratio), arm.covariance("x", "x")
    return Estimate(
        value=(ratio - slope * (arm.x / arm.n - both.x / both.n))[()],
        variance=np.maximum(variance - 2 * slope * shared + slope**2 * spread, 0.0)[()],
        n=arm.n,
    )


def _with_covariate(arm: Sums, ratio: Number) -> Number:
    """Covariance of a user's part in the metric with what was before."""
    return (arm.covariance("x", "y") - ratio * arm.covariance("x", "z")) / (arm.z / arm.n)


def _welch(one: Number, one_n: Number, other: Number, other_n: Number) -> tuple[Number, Number]:
    """Standard error of a difference of means whose squared errors are given, and its freedom."""
    total = one + other
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = total**2 / (one**2 / (one_n - 1) + other**2 / (other_n - 1))
    return np.sqrt(total), np.where(np.isfinite(freedom), freedom, one_n + other_n - 2)[()]
