"""Blend the scores of several strategies into one score per row.

Strategies speak different scales, so each is standardised over the rows it scores: minus the mean,
divided by the standard deviation. NaN means that a strategy says nothing about a row, -inf that it
excludes it.
"""

import numpy as np

from core import checks
from core.arrays import F32
from core.kernel import kernel


def standardise(scores: F32) -> F32:
    """Return `(score - mean) / deviation` over the finite scores, float32 `(n,)`.

    NaN and -inf stay as they are. Equal scores become 0. Mean and variance are float64 sums in
    row order, the variance over n.

    Raises:
        ValueError: `scores` is not float32 `(n,)`, or holds +inf.
    """
    scores = _below_infinity(checks.floats("scores", scores, ("n",)))
    out = np.empty(scores.size, np.float32)
    _standardise(scores, out)
    return out


def blend(scores: F32, weights: F32) -> F32:
    """Return the weighted sum of the standardised strategies, float32 `(n,)`.

    NaN counts as 0, the mean of its strategy; a row that no strategy with a weight scores is NaN.
    A row that any strategy with a weight excludes is -inf, whatever the sign of the weight.
    Added in float32, strategy by strategy.

    Args:
        scores: float32 `(s, n)`, one row per strategy.
        weights: float32 `(s,)`, finite; 0 leaves a strategy out, below 0 counts against a row.

    Raises:
        ValueError: Another dtype or shape, a weight that is not finite, or a score of +inf.
    """
    scores = _below_infinity(checks.floats("scores", scores, ("s", "n")))
    weights = checks.finite("weights", weights, (scores.shape[0],))
    out = np.empty(scores.shape[1], np.float32)
    _blend(scores, weights, out)
    return out


def _below_infinity(scores: F32) -> F32:
    if np.isposinf(scores).any():
        raise ValueError("scores must be below infinity")
    return scores


@kernel
def _blend(scores, weights, out):  # type: ignore[no-untyped-def]
    known, standard = np.zeros(out.size, np.bool_), np.empty(out.size, np.float32)
    out[:] = np.float32(0)
    for strategy in range(weights.size):
        if weights[strategy] != 0:
            _standardise(scores[strategy], standard)
            _add(standard, weights[strategy], out, known)
    for row in range(out.size):
        out[row] = out[row] if known[row] else np.float32(np.nan)


@kernel
def _add(standard, weight, out, known):  # type: ignore[no-untyped-def]
    for row in range(out.size):
        score = standard[row]
        term = score if score == -np.inf else weight * score
        says = not np.isnan(score)
        out[row] += term if says else np.float32(0)
        known[row] |= says


@kernel
def _standardise(scores, out):  # type: ignore[no-untyped-def]
    count, total = 0, 0.0
    for row in range(scores.size):
        finite = np.isfinite(scores[row])
        total += scores[row] if finite else 0.0
        count += finite
    mean, squares = total / max(count, 1), 0.0
    # Two passes: the mean of equal float32 scores is exact in float64, so their deviation is 0.
    for row in range(scores.size):
        gap = scores[row] - mean if np.isfinite(scores[row]) else 0.0
        squares += gap * gap
    deviation = np.sqrt(squares / max(count, 1))
    scale = 1 / deviation if deviation > 0 else 0.0
    for row in range(scores.size):
        score = scores[row]
        out[row] = (score - mean) * scale if np.isfinite(score) else score
