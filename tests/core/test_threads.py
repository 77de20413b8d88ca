import threading

import pytest

from core.threads import spread


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("stop, expected", [(0, []), (4, [(0, 4)]), (9, [(0, 4), (4, 8), (8, 9)])])
def test_the_ranges_cover_every_row_once(stop, expected, threads):
    seen = []
    spread(lambda *each: seen.append(each), stop, step=4, threads=threads)

    assert expected == sorted(seen)


def test_two_threads_work_side_by_side():
    """Each waits for the other, so one thread alone would never end."""
    together = threading.Barrier(2, timeout=30)
    spread(lambda *_: together.wait() and None, 2, step=1, threads=2)

    assert not together.broken


def test_what_a_range_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        spread(lambda first, _: 1 // first and None, 4, step=1, threads=2)


def test_there_is_at_least_one_thread():
    with pytest.raises(ValueError, match="threads must be at least 1"):
        spread(lambda *_: None, 4, step=1, threads=0)
