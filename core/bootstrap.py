"""How sure a mean over users is.

Percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): the
users are drawn anew with replacement, again and again, and the mean of each draw is taken.
"""

import numpy as np

from core import checks
from core.arrays import F64

RESAMPLES = 1_000
AT_ONCE = 50  # resamples held at a time: 50 x 100,000 users are 40 MB


def bootstrap(
    values: F64, *, rng: np.random.Generator, resamples: int = RESAMPLES, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval that holds the mean of `values` with probability `level`.

    (NaN, NaN) where nothing is known.

    Args:
        values: float64 `(users,)`; NaN is left out. For a comparison, the differences per user.
        rng: Where the draws come from.
        resamples: How many, at least 1.
        level: Between 0 and 1.

    Raises:
        ValueError: An argument does not fit.
    """
    if values.dtype != np.float64 or values.ndim != 1:
        raise ValueError(f"values must be float64 (users,), got {values.dtype} {values.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    known = values[~np.isnan(values)]
    means = np.full(checks.whole("resamples", resamples, 1), np.nan)
    if not known.size:
        return np.nan, np.nan
    for start in range(0, means.size, AT_ONCE):
        size = min(AT_ONCE, means.size - start)
        drawn = rng.integers(0, known.size, (size, known.size))
        means[start : start + size] = known[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
