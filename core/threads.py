"""Fit work over row ranges, on as many threads as were asked for.

Kernels hold no interpreter lock, so plain threads run them side by side. That is why no kernel is
`parallel=True`: those may not share the disk cache, and Numba's own pool admits one caller at a
time. Every range is computed by itself, so the answer does not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core import checks
from core.arrays import I64

PARTS = 8  # ranges per thread: the one that is done first takes the next


def spread(work: Callable[[int, int], None], costs: I64, *, threads: int) -> None:
    """Call `work(first, last)` for ranges that cover every row, each about as costly as the next.

    Equal ranges of rows would not do: of tracks in order of popularity the first twentieth has
    nearly half of all listens, and two threads took longer than one.

    Args:
        work: Gets at least one row.
        costs: int64 `(rows + 1,)`, ascending: what the rows before each cost together.
        threads: At least 1.

    Raises:
        ValueError: `threads` is not at least 1.
        Exception: What the first failing range raised.
    """
    threads = checks.whole("threads", threads, 1)
    rows = costs.size - 1
    if threads == 1:
        if rows:
            work(0, rows)
        return
    shares = np.linspace(costs[0], costs[-1], threads * PARTS + 1)[1:-1]
    bounds = np.unique([0, *np.searchsorted(costs, shares), rows]).tolist()
    with ThreadPoolExecutor(threads, thread_name_prefix="core") as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))  # raises what a thread raised
