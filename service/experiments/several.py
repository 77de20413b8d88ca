"""Several metrics are several chances to be wrong."""

import numpy as np

from core.arrays import F64


def holm(p: F64) -> F64:
    """Adjust p-values so that one false alarm among all is as rare as for a single test.

    float64 `(metrics,)` in the same order (Holm, A Simple Sequentially Rejective Multiple Test
    Procedure, Scandinavian Journal of Statistics 1979).

    Raises:
        ValueError: one is not between 0 and 1.
    """
    p = np.asarray(p, np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie between 0 and 1, got {p.tolist()}")
    order, adjusted = np.argsort(p, kind="stable"), np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return np.minimum(adjusted, 1.0)
