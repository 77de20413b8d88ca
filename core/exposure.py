"""Prices that steer who gets shown.

Every row has a price, at least 0; a score is charged for it before the best k are selected. A price
rises while its row is shown more than its share and falls otherwise: dual ascent on the relaxed
assignment problem "the best lists, such that exposure is as wanted" (Boyd and Vandenberghe, Convex
Optimization, section 5; Bertsekas, "The auction algorithm", 1988). Only differences of prices
matter, so the least is 0: that of a row which is shown too little.
"""

from collections.abc import Callable

import numpy as np

from core import checks
from core.arrays import F32, F64, I64
from core.kernel import kernel
from core.keys import EMPTY, cut, empty_keys, row_of
from core.topk import ROOM, offer_charged

ROUNDS, STEP, HALVED_AFTER = 60, 0.01, 50
FULL = 6
"""Showings per row in a whole step. Fewer make a step that is smaller in proportion, so that one
showing moves a price by `STEP / FULL` of its share, whether 500 or 5 million lists are counted."""
MOST = 4.0
"""Times a list's best score: a row that costs more is not shown by anybody who has a choice."""
LEAST = 0.01
"""Of the mean share: what a smaller share is measured by, so that no step is without bound."""


def exposure(scores: F32, prices: F32, *, charge: float, k: int) -> I64:
    """Return how often each row is among the best `k` of a user, int64 `(n,)`.

    Args:
        scores: float32 `(users, n)`; -inf or NaN is never shown.
        prices: float32 `(n,)`.
        charge: What a price is multiplied by before it is subtracted, at least 0.
        k: Places on a list, at least 1.

    Raises:
        ValueError: An array or option does not fit.
    """
    scores = checks.floats("scores", scores, ("users", "n"))
    prices = checks.finite("prices", prices, (scores.shape[1],))
    size = min(checks.whole("k", k, 1), scores.shape[1])
    counts = np.zeros(scores.shape[1], np.int64)
    _expose(scores, prices, np.float32(_charge(charge)), empty_keys(size, ROOM), size, counts)
    return counts


def fit_prices(
    scores: F32,
    *,
    k: int,
    target: F64,
    rounds: int = ROUNDS,
    progress: Callable[[float], None] = lambda _: None,
) -> F32:
    """Return prices under which exposure comes near `target`, float32 `(n,)`.

    Args:
        scores: As for `exposure`; a charge of 1 must mean as much to every user, so divide a user's
            scores by their best.
        k: As for `exposure`.
        target: float64 `(n,)`, not negative, with a sum above 0: the share of exposure of each row,
            in any unit.
        rounds: How often every list is made; 0 leaves every price at 0.
        progress: Told the share of rounds that are done, after each.

    Raises:
        ValueError: An array or option does not fit.
    """
    scores = checks.floats("scores", scores, ("users", "n"))
    prices = np.zeros(scores.shape[1], np.float32)
    for number in range(checks.whole("rounds", rounds, 0)):
        shown = exposure(scores, prices, charge=1.0, k=k)
        step = pace(shown) / (1 + number / HALVED_AFTER)
        prices = adjust(prices, shown, target, step=step)
        progress((number + 1) / rounds)
    return prices


def pace(shown: I64) -> float:
    """Return the step that this many showings of these rows are worth: `STEP` at most.

    Args:
        shown: As for `adjust`; nothing shown is worth the least step there is.
    """
    whole = float(shown.sum()) / max(FULL * shown.size, 1)
    return STEP * max(min(1.0, whole), float(np.finfo(np.float32).tiny))


def adjust(prices: F32, shown: I64, target: F64, *, step: float) -> F32:
    """Return prices after one step towards `target`, float32 `(n,)`; the least is 0.

    A price changes by `step` times how much of its share a row got too much: by -`step` when it
    was not shown, by `step` when it was shown twice as often as wanted.

    Args:
        prices: Finite float32 `(n,)`.
        shown: int64 `(n,)`, how often each row was shown; none at all changes nothing.
        target: As for `fit_prices`. A share below a hundredth of the mean is measured by that.
        step: Above 0.

    Raises:
        ValueError: An array or option does not fit.
    """
    prices = checks.finite("prices", prices, ("n",))
    shares = _shares(target, prices.size)
    if shown.dtype != np.int64 or shown.shape != prices.shape or shown.min(initial=0) < 0:
        raise ValueError(f"shown must be int64 ({prices.size},) and not negative")
    total = shown.sum()
    if total == 0:
        return prices
    wanted = shares * total
    excess = (shown - wanted) / np.maximum(wanted, LEAST * total / prices.size)
    moved = prices + checks.positive("step", step) * excess
    capped: F32 = np.minimum(moved - moved.min(), MOST).astype(np.float32)
    return capped


def floor(target: F64, rows: I64, share: float) -> F64:
    """Return `target` with at least `share` times the mean for every one of `rows`, float64 `(n,)`.

    Raises:
        ValueError: `target` is no distribution, or `share` is negative.
    """
    raised = _shares(target, target.size).copy()
    if not 0 <= share < np.inf:
        raise ValueError(f"share must not be negative, got {share}")
    raised[rows] = np.maximum(raised[rows], share / max(target.size, 1))
    return raised


def _shares(target: F64, n: int) -> F64:
    if target.dtype != np.float64 or target.shape != (n,):
        raise ValueError(f"target must be float64 ({n},), got {target.dtype} {target.shape}")
    total = target.sum()
    if n and (not 0 < total < np.inf or target.min() < 0):
        raise ValueError("target must not be negative and its sum must be above 0 and finite")
    shares: F64 = target / total
    return shares


def _charge(charge: float) -> float:
    if not 0 <= charge < np.inf:
        raise ValueError(f"charge must not be negative, got {charge}")
    return charge


@kernel
def _expose(scores, prices, charge, keys, k, counts):  # type: ignore[no-untyped-def]
    for user in range(scores.shape[0]):
        keys[:] = EMPTY
        filled = cut(keys, offer_charged(scores[user], prices, charge, keys, k, k), k)
        for key in keys[:filled]:
            if key > EMPTY:
                counts[row_of(key)] += 1
