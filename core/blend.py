"""Blend the scores of several strategies into one score per row.

Strategies speak different scales, so each is standardised over the rows it scores: minus the mean,
divided by the standard deviation. NaN means that a strategy says nothing about a row, -inf that it
excludes it.
"""

import numpy as np

from core import checks
from core.arrays import F32, I64
from core.kernel import kernel

LANES = 512  # 8 KB of sums stay in L1, and a loop over them is vectorised; row by row took 8 times


def standardise(scores: F32) -> F32:
    """Return `(score - mean) / deviation` over the finite scores, float32 `(n,)`.

    NaN and -inf stay as they are. Equal scores become 0. Mean and variance are float64 sums over
    512 lanes: each adds every 512th row, then the lanes are added in order; the variance over n.

    Raises:
        ValueError: `scores` is not float32 `(n,)`, or holds +inf.
    """
    scores = _below_infinity(checks.floats("scores", scores, ("n",)))
    out = np.empty(scores.size, np.float32)
    _standardise(scores, out)
    return out


def add(scores: F32, weight: float, out: F32, *, mean: float, deviation: float) -> None:
    """Add one strategy to `out`, in place: `weight` times what `standardise` makes of it.

    NaN counts as 0, the mean of its strategy; a row that no strategy scores stays NaN. A row that
    any strategy excludes is -inf, whatever the sign of the weight. Added in float32.

    Args:
        scores: float32 `(m,)`, below +inf; rows of `out` beyond it get nothing.
        weight: Finite.
        out: float32 `(n,)`, C-contiguous; NaN where no strategy has spoken yet.
        mean: Of the finite scores.
        deviation: Of the finite scores; 0 where they are all equal.

    Raises:
        ValueError: An array does not fit.
    """
    out = checks.writable("out", out, ("n",))
    scores = checks.floats("scores", scores, ("m",))
    scale = 1 / deviation if deviation > 0 else 0.0
    _add(scores, float(mean), scale, np.float32(weight), out[: scores.size])


def moments(scores: F32) -> tuple[float, float]:
    """Return mean and deviation of the finite scores, as `standardise` takes them; else 0.

    Raises:
        ValueError: `scores` is not float32 `(n,)`, or holds +inf.
    """
    mean, deviation = _moments(_below_infinity(checks.floats("scores", scores, ("n",))))
    return float(mean), float(deviation)


def padded_moments(values: F32, count: int) -> tuple[float, float]:
    """Return mean and deviation of `count` scores, of which all that are not in `values` are 0.

    Args:
        values: float32 `(n,)`; more 0 among them than count. One that is not finite makes the mean
            so.
        count: At least 1.

    Raises:
        ValueError: `values` is not float32 `(n,)`, or `count` no such number.
    """
    count = checks.whole("count", count, 1)
    total, square = _sums(checks.floats("values", values, ("n",)))
    mean = total / count
    return float(mean), float(np.sqrt(max(square / count - mean * mean, 0.0)))


def counted_moments(values: F32, counts: I64) -> tuple[float, float]:
    """Return mean and deviation of `values[i]` taken `counts[i]` times each; 0 for none.

    Raises:
        ValueError: They are not float32 and int64 of one length.
    """
    values = checks.floats("values", values, ("c",))
    mean, deviation = _counted(values, checks.longs("counts", counts, values.shape))
    return float(mean), float(deviation)


def _below_infinity(scores: F32) -> F32:
    if (scores == np.inf).any():
        raise ValueError("scores must be below infinity")
    return scores


@kernel
def _add(scores, mean, scale, weight, out):  # type: ignore[no-untyped-def]
    for row in range(out.size):
        score, before = scores[row], out[row]
        term = weight * np.float32((score - mean) * scale) if score > -np.inf else score
        begun = np.float32(0) if np.isnan(before) else before
        out[row] = before if np.isnan(score) else begun + term


@kernel
def _standardise(scores, out):  # type: ignore[no-untyped-def]
    mean, deviation = _moments(scores)
    scale = 1 / deviation if deviation > 0 else 0.0
    for row in range(scores.size):
        score = scores[row]
        out[row] = (score - mean) * scale if np.isfinite(score) else score


@kernel
def _moments(scores):  # type: ignore[no-untyped-def]
    """Return mean and deviation of the finite scores; 0 where there is none.

    Two passes: the mean of equal float32 scores is exact in float64, so their deviation is 0.
    """
    totals, counts = np.zeros(LANES), np.zeros(LANES)
    for start in range(0, scores.size, LANES):
        _total(scores[start : start + LANES], totals, counts)
    count = max(counts.sum(), 1.0)
    mean = totals.sum() / count
    totals[:] = 0.0
    for start in range(0, scores.size, LANES):
        _squares(scores[start : start + LANES], mean, totals)
    return mean, np.sqrt(totals.sum() / count)


@kernel
def _sums(values):  # type: ignore[no-untyped-def]
    """Return the sum and the sum of squares."""
    totals, squares = np.zeros(LANES), np.zeros(LANES)
    for start in range(0, values.size, LANES):
        _gather(values[start : start + LANES], totals, squares)
    return totals.sum(), squares.sum()


@kernel
def _gather(values, totals, squares):  # type: ignore[no-untyped-def]
    for at in range(values.size):
        value = np.float64(values[at])
        totals[at] += value
        squares[at] += value * value


@kernel
def _counted(values, counts):  # type: ignore[no-untyped-def]
    """Two passes, as `_moments`. Most values of a table are 0, and a branch is soon learned."""
    count, total, spoken = 0, 0.0, 0
    for at in range(values.size):
        count += counts[at]
        if values[at] != 0:
            total += counts[at] * float(values[at])
            spoken += counts[at]
    many = max(count, 1)
    mean = total / many
    square = (count - spoken) * mean * mean
    for at in range(values.size):
        if values[at] != 0:
            gap = values[at] - mean
            square += counts[at] * gap * gap
    return mean, np.sqrt(square / many)


@kernel
def _total(scores, totals, counts):  # type: ignore[no-untyped-def]
    for at in range(scores.size):
        finite = abs(scores[at]) < np.inf
        totals[at] += scores[at] if finite else np.float32(0)
        counts[at] += 1.0 if finite else 0.0


@kernel
def _squares(scores, mean, totals):  # type: ignore[no-untyped-def]
    for at in range(scores.size):
        gap = scores[at] - mean if abs(scores[at]) < np.inf else 0.0
        totals[at] += gap * gap
