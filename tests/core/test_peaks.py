import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_sums as reference
from core.peaks import BLOCK, SPAN, lows, peaks

VALUE = st.floats(-50, 50, width=32)


def f32(values):
    return np.array(values, np.float32)


def test_known_answer():
    """A whole span with a gap in it, and a part of one below 0."""
    values = f32([1, np.nan, 3, -np.inf, 0, 2, 0, 0, -5, -4])

    assert [3, -4] == peaks(values).tolist()
    assert [1, -5] == lows(f32([1, 2, 3, 4, 5, 6, 7, 8, 9, -5])).tolist()


def test_a_gap_counts_as_nothing_and_an_excluded_span_stays_excluded():
    assert [0] == peaks(f32([-1, np.nan])).tolist()
    assert [-np.inf] == peaks(f32([-np.inf] * SPAN)).tolist()
    assert [] == peaks(f32([])).tolist()


@settings(max_examples=500)
@given(arrays(np.float32, st.integers(0, 40), elements=VALUE | st.sampled_from([-np.inf, np.nan])))
def test_peaks_are_those_of_every_span(values):
    np.testing.assert_array_equal(reference.peaks(values, SPAN), peaks(values))


@pytest.mark.parametrize("n", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - SPAN, 3 * BLOCK + 9])
def test_a_span_that_ends_a_block_or_begins_one_is_as_any_other(n):
    values = np.random.default_rng(n).normal(size=n).astype(np.float32)

    np.testing.assert_array_equal(reference.peaks(values, SPAN), peaks(values))


@settings(max_examples=500)
@given(arrays(np.float32, st.integers(0, 40), elements=VALUE))
def test_lows_are_those_of_every_span(values):
    np.testing.assert_array_equal(-reference.peaks(-values, SPAN), lows(values))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"values must be float32 \(n,\), got float64"):
        peaks(np.zeros(3))
    with pytest.raises(ValueError, match="values must be finite"):
        lows(f32([np.nan]))
