import threading

import numpy as np
import pytest

from core.threads import spread


def even(rows):
    return np.arange(rows + 1)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "costs", [even(0), even(1), even(9), even(1000), np.zeros(5, int), np.array([0, 90, 91, 99])]
)
def test_the_ranges_cover_every_row_once(costs, threads):
    seen = []
    spread(lambda *each: seen.append(each), costs, threads=threads)

    assert list(range(costs.size - 1)) == [row for each in sorted(seen) for row in range(*each)]
    assert all(first < last for first, last in seen)


def test_a_costly_row_stands_alone():
    seen = []
    spread(lambda *each: seen.append(each), np.array([0, 900, *range(901, 1001)]), threads=2)

    assert (0, 1) == min(seen)


def test_two_threads_work_side_by_side():
    """Each waits for the other, so one thread alone would never end."""
    together = threading.Barrier(2, timeout=30)
    spread(lambda *_: together.wait() and None, even(2), threads=2)

    assert not together.broken


def test_what_a_range_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        spread(lambda first, _: 1 // first and None, even(4), threads=2)


def test_there_is_at_least_one_thread():
    with pytest.raises(ValueError, match="threads must be at least 1"):
        spread(lambda *_: None, even(4), threads=0)
