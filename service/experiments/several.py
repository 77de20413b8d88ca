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
    order, p = _ordered(p)
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    return _put_back(order, p, steps)


def benjamini_hochberg(p: F64) -> F64:
    """Adjust p-values so that of what is called an effect this share at most is none, on average.

    float64 `(metrics,)` in the same order (Benjamini and Hochberg, Controlling the False Discovery
    Rate, Journal of the Royal Statistical Society 1995).

    Raises:
        ValueError: one is not between 0 and 1.
    """
    order, p = _ordered(p)
    steps = (p[order] * p.size / np.arange(1, p.size + 1))[::-1]
    return _put_back(order, p, np.minimum.accumulate(steps)[::-1])


def _ordered(p: F64) -> tuple[np.ndarray, F64]:
    p = np.asarray(p, np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie between 0 and 1, got {p.tolist()}")
    return np.argsort(p, kind="stable"), p


def _put_back(order: np.ndarray, p: F64, adjusted: F64) -> F64:
    out = np.empty_like(adjusted)
    out[order] = np.minimum(adjusted, 1.0)
    return np.maximum(out, p)  # 11 times p by 11 may be less than p
