import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import reference_lists as reference
from core.recent import Recent

SHIFT = 0x9E3779B97F4A7C15


def u64(values):
    return np.array(values, np.uint64)


def same_home(number):
    """Keys that all begin to look in the same slot: the product's high bits are those of 0."""
    return number * pow(SHIFT, -1, 1 << 64) % (1 << 64)


KEY = st.integers(0, 6) | st.integers(0, 40).map(same_home) | st.just(2**64 - 1)
BATCH = st.lists(st.tuples(KEY, st.integers(0, 2)), max_size=12)


def test_known_answer():
    recent = Recent(3)

    assert [True, False, True, True] == recent.add(u64([7, 7, 0, 9]), u64([1, 1, 2, 1])).tolist()
    assert [True, True, False] == recent.add(u64([5, 7, 9]), u64([1, 1, 1])).tolist()
    assert [9, 5, 7] == recent.held()[0].tolist()
    assert 3 == len(recent)


def test_a_key_that_is_seen_again_gets_no_younger():
    recent = Recent(2)
    recent.add(u64([1, 2, 1, 3]), u64([0, 0, 0, 0]))

    assert [2, 3] == recent.held()[0].tolist()


def test_a_forgotten_group_is_new_again_and_the_others_are_not():
    recent = Recent(4)
    recent.add(u64([1, 2, 3, 4, 5]), u64([8, 9, 8, 9, 8]))

    assert 2 == recent.forget(8)
    assert 0 == recent.forget(8)
    assert [True, False, True] == recent.add(u64([3, 4, 6]), u64([8, 9, 8])).tolist()
    assert [2, 4, 3, 6] == recent.held()[0].tolist()


@settings(max_examples=500)
@given(st.integers(1, 9), st.lists(BATCH | st.integers(0, 2), max_size=12))
def test_it_does_as_its_twin_does(capacity, steps):
    ours, theirs = Recent(capacity), reference.Recent(capacity)
    for step in steps:
        if isinstance(step, int):
            assert theirs.forget(step) == ours.forget(step)
        else:
            keys, groups = u64([key for key, _ in step]), u64([group for _, group in step])
            np.testing.assert_array_equal(theirs.add(keys, groups), ours.add(keys, groups))
        for expected, actual in zip(theirs.held(), ours.held(), strict=True):
            np.testing.assert_array_equal(expected, actual)
        assert len(theirs) == len(ours)


def test_what_is_held_can_be_put_into_another():
    recent, other = Recent(3), Recent(3)
    recent.add(u64([1, 2, 3, 4]), u64([5, 6, 7, 8]))

    assert other.add(*recent.held()).all()
    np.testing.assert_array_equal(recent.held(), other.held())


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        Recent(0)
    with pytest.raises(ValueError, match="capacity must be at most 1073741824"):
        Recent(1 << 31)
    with pytest.raises(ValueError, match=r"keys must be uint64 \(m,\), got int64 \(2,\)"):
        Recent(2).add(np.arange(2), u64([0, 0]))
    with pytest.raises(ValueError, match=r"groups must be uint64 \(2,\), got uint64 \(1,\)"):
        Recent(2).add(u64([1, 2]), u64([0]))
