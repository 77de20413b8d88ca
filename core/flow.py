"""Reorder a finished list so that tempo and energy move in small steps."""

import numpy as np

from core import checks
from core.arrays import F32, I32
from core.kernel import kernel
from core.ordering import UNKNOWN

UNKNOWN_STEP = 0.25  # between two tracks of which one has no value


def flow(features: F32, artists: I32, *, reach: int, gap: int, passes: int = 8) -> I32:
    """Return a smoother order of the `m` places of a list: int32 `(m,)` positions in 0..m-1.

    The step between neighbours is the sum of their distances in every feature. Pairs of places are
    tried from the front, nearest pair first, and swapped whenever that makes the sum of all steps
    smaller, leaves every track within `reach` places of where it was, and brings no more pairs of
    one artist within `gap` places than before; until a whole pass swaps nothing, at most `passes`
    times. The first place never changes. So the list is never rougher nor more crowded than given.

    Args:
        features: float32 `(f, m)` in list order, for instance tempo and energy in 0..1; a NaN
            makes that feature's step 0.25.
        artists: int32 `(m,)`; -1 is unknown and conflicts with nothing.
        reach: Places a track may move, at least 0.
        gap: Places between two tracks of one artist, at least 0.
        passes: Most passes, at least 1.

    Raises:
        ValueError: A shape or type is wrong, a feature infinite, a code below -1, or an option
            too small.
    """
    artists = checks.ints("artists", artists, ("m",))
    features = checks.floats("features", features, ("f", artists.size))
    if np.isinf(features).any():
        raise ValueError("features must be finite or NaN")
    if artists.min(initial=UNKNOWN) < UNKNOWN:
        raise ValueError(f"artists must be at least {UNKNOWN}, got {artists.min()}")
    order = np.arange(artists.size, dtype=np.int32)
    _flow(
        np.ascontiguousarray(features.T, np.float64),
        artists,
        checks.whole("reach", reach, 0),
        checks.whole("gap", gap, 0),
        checks.whole("passes", passes, 1),
        order,
    )
    return order


@kernel
def _flow(values, artists, reach, gap, passes, order):  # type: ignore[no-untyped-def]
    for _ in range(passes):
        swapped = False
        for left in range(1, order.size):
            for right in range(left + 1, min(left + reach, order.size - 1) + 1):
                if abs(order[left] - right) > reach or abs(order[right] - left) > reach:
                    continue
                steps = _steps(values, order, left, right)
                crowded = _crowded(artists, order, left, right, gap)
                order[left], order[right] = order[right], order[left]
                if (
                    _steps(values, order, left, right) < steps
                    and _crowded(artists, order, left, right, gap) <= crowded
                ):
                    swapped = True
                else:
                    order[left], order[right] = order[right], order[left]
        if not swapped:
            return


@kernel
def _steps(values, order, left, right):  # type: ignore[no-untyped-def]
    """Sum of the steps that touch either place."""
    total = _step(values, order, left) + _step(values, order, right)
    if left + 1 != right:
        total += _step(values, order, left + 1)
    return total + _step(values, order, right + 1)


@kernel
def _step(values, order, place):  # type: ignore[no-untyped-def]
    """The step into `place`; 0 behind the last."""
    if place >= order.size:
        return 0.0
    total = 0.0
    for feature in range(values.shape[1]):
        step = abs(values[order[place], feature] - values[order[place - 1], feature])
        total += UNKNOWN_STEP if np.isnan(step) else step
    return total


@kernel
def _crowded(artists, order, left, right, gap):  # type: ignore[no-untyped-def]
    """Pairs of one artist within `gap` places that either place is part of."""
    pairs = 0
    for place in (left, right):
        artist = artists[order[place]]
        if artist == UNKNOWN:
            continue
        for other in range(max(0, place - gap), min(order.size - 1, place + gap) + 1):
            # of the pair of both places, each counts the other: twice before as well as after
            if other != place and artists[order[other]] == artist:
                pairs += 1
    return pairs
