"""The greatest and the least number of every 8 rows: a bound for all of them at once."""

import numpy as np

from core import checks
from core.arrays import F32
from core.kernel import kernel

SPAN = 8
"""Rows that share a bound. Of 100,000 tracks a list had to look into 4 % of the spans with 8 rows
each, 7 % with 16, 13 % with 32 and 23 % with 64. With 8 and with 16 the search took the same."""
ZERO = np.float32(0)


def peaks(values: F32) -> F32:
    """Return the greatest of each 8 values in a row, float32 `(ceil(n / 8),)`; NaN counts as 0.

    Raises:
        ValueError: `values` is not float32 `(n,)`.
    """
    values = checks.floats("values", values, ("n",))
    found = np.empty(spans(values.size), np.float32)
    _write_peaks(values, found)
    found.flags.writeable = False
    return found


def lows(values: F32) -> F32:
    """Return the least of each 8 values in a row, float32 `(ceil(n / 8),)`.

    Raises:
        ValueError: `values` is not finite float32 `(n,)`.
    """
    found = -peaks(-checks.finite("values", values, ("n",)))
    found.flags.writeable = False
    return found


def spans(n: int) -> int:
    """Return the number of spans of `n` rows."""
    return -(-n // SPAN)


@kernel
def _write_peaks(values, out):  # type: ignore[no-untyped-def]
    """Write what `peaks` returns. 20 µs for 100,000 values."""
    for span in range(out.size):
        high = np.float32(-np.inf)
        for at in range(span * SPAN, min(span * SPAN + SPAN, values.size)):
            value = values[at]
            known = ZERO if np.isnan(value) else value
            high = max(high, known)
        out[span] = high
