import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.coding import Coding


def i32(values):
    return np.array(values, np.int32)


def test_known_answer():
    """The last code is also that of rows without one."""
    coding = Coding(i32([1, -1, 0, 1]), 3)

    assert [1, 2, 1] == coding.counts.tolist()
    assert [0, 1, 3, 4] == coding.begins.tolist()
    assert [2, 0, 3, 1] == coding.order.tolist()
    assert 4 == coding.n


@settings(max_examples=500)
@given(arrays(np.int32, st.integers(0, 30), elements=st.integers(-1, 4)))
def test_the_rows_of_every_code_are_found_in_order(codes):
    coding = Coding(codes, 5)

    for code in range(5):
        found = coding.order[coding.begins[code] : coding.begins[code + 1]]
        wanted = (codes == code) | ((codes == -1) & (code == 4))
        assert np.flatnonzero(wanted).tolist() == found.tolist()


@pytest.mark.parametrize(
    "codes, size, message",
    [
        (i32([5]), 5, r"codes must be in 0\.\.4, got 5"),
        (i32([-2]), 5, r"codes must be in 0\.\.4, got -2"),
        (i32([]), 0, "size must be at least 1, got 0"),
        (np.zeros(1), 5, r"codes must be int32 \(n,\)"),
    ],
)
def test_what_does_not_fit_is_refused(codes, size, message):
    with pytest.raises(ValueError, match=message):
        Coding(codes, size)
