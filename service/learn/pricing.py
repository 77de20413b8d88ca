"""One step of the prices of exposure, from what was shown."""

import numpy as np
from numpy.typing import NDArray

from core.exposure import adjust, pace
from service.model.version import Prices


def stepped(
    fitted: Prices, live: NDArray[np.float32], shown: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Prices after a step for these showings, float32 (tracks,).

    A price is also pulled towards the fitted one, as far as the step is long: a track shown twice
    its share for ever settles one best score above it, and tracks that nobody can be shown never
    drive all the others to the limit.

    Args:
        fitted: What the fit found, and the shares that are wanted.
        live: float32 (tracks,): the prices as they are now.
        shown: int64 (tracks,): how often each track was shown since the last step.
    """
    step = pace(shown)
    moved = adjust(live, shown, fitted.shares, step=step)
    moved += np.float32(step) * (fitted.values - moved)
    return moved
