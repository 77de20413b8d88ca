"""What another configuration would have earned, from the log of the one that served.

Inverse propensity scoring (Horvitz and Thompson 1952) is unbiased where every choice of the new
configuration had a chance under the old; self-normalised (Swaminathan and Joachims, The
Self-Normalized Estimator for Counterfactual Learning, NIPS 2015) it is steadier, and needs no scale
of the reward. Few effective samples say that the two hardly overlap: then the log does not know.
"""

import numpy as np
from msgspec import Struct
from scipy import special

from core.arrays import F64
from service.experiments.sums import Number

THIN = 0.1
"""Effective samples of the logged ones, below which there is a warning."""
FEW = 100


class Value(Struct, frozen=True):
    """Mean reward with its interval."""

    mean: Number
    low: Number
    high: Number


class OffPolicy(Struct, frozen=True):
    """Both estimates, and how many samples they are worth."""

    ips: Value
    snips: Value
    effective: Number
    thin: Number  # True: the overlap is too thin to believe either


def off_policy(reward: F64, logged: F64, wanted: F64, *, level: float = 0.95) -> OffPolicy:
    """Estimate the mean reward under `wanted`.

    Args:
        reward: float64 `(..., samples)`, at least two.
        logged: How likely what was shown was when it was shown, above 0; same shape.
        wanted: How likely the new configuration shows it, 0 to 1; same shape.
        level: Of the intervals.

    Raises:
        ValueError: an argument does not fit.
    """
    _check(reward, logged, wanted, level)
    weight = wanted / logged
    n, total = reward.shape[-1], weight.sum(-1)
    reach = special.stdtrit(n - 1, (1 + level) / 2) / np.sqrt(n)
    ips = weight * reward
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = ips.sum(-1) / total
        effective = total**2 / (weight**2).sum(-1)
    apart = weight * (reward - mean[..., None]) / (total / n)[..., None]
    effective = np.where(total > 0, effective, 0.0)[()]
    return OffPolicy(
        ips=_value(ips.mean(-1), reach * ips.std(-1, ddof=1)),
        snips=_value(mean, reach * apart.std(-1, ddof=1)),
        effective=effective,
        thin=(effective < max(THIN * n, FEW)),
    )


def _check(reward: F64, logged: F64, wanted: F64, level: float) -> None:
    if reward.shape != logged.shape or reward.shape != wanted.shape or reward.shape[-1] < 2:
        raise ValueError("reward, logged and wanted are of the same samples, at least two")
    if not np.isfinite(reward).all() or not ((logged > 0) & (logged <= 1)).all():
        raise ValueError("rewards are finite, and what was shown had a chance above 0")
    if not ((wanted >= 0) & (wanted <= 1)).all() or not 0 < level < 1:
        raise ValueError("chances and level lie between 0 and 1")


def _value(mean: Number, within: Number) -> Value:
    return Value(mean, mean - within, mean + within)
