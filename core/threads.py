"""Fit work over row ranges, on as many threads as were asked for.

Kernels hold no interpreter lock, so plain threads run them side by side. That is why no kernel is
`parallel=True`: those may not share the disk cache, and Numba's own pool admits one caller at a
time. Every range is computed by itself, so the answer does not depend on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from core import checks


def spread(work: Callable[[int, int], None], stop: int, *, step: int, threads: int) -> None:
    """Call `work(first, last)` for consecutive ranges of `step` rows that cover 0 to `stop` - 1.

    Raises:
        ValueError: `threads` is not at least 1.
        Exception: What the first failing range raised.
    """
    threads = checks.whole("threads", threads, 1)
    ranges = [(first, min(first + step, stop)) for first in range(0, stop, step)]
    if threads == 1 or len(ranges) < 2:
        for first, last in ranges:
            work(first, last)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="core") as pool:
        for _ in pool.map(lambda each: work(*each), ranges):
            pass
