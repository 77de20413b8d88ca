import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference, simd
from core.kernel import kernel


@kernel
def dot(rows, row, query):
    return simd.dot(rows, row, query)


@kernel
def dots(rows, first, query, out, start):
    simd.dots(rows, first, query, out, start)


@kernel
def ones(mask):
    return simd.ones(mask)


@kernel
def lowest(mask):
    return simd.lowest(mask)


@settings(max_examples=500)
@given(draw=st.data(), d=st.integers(1, 70))
def test_dot_matches_reference_to_the_bit(draw, d):
    factor = st.floats(-4, 4, width=32)
    rows = draw.draw(arrays(np.float32, (2, d), elements=factor))
    query = draw.draw(arrays(np.float32, d, elements=factor))
    found, scores = reference.mips(rows, query, 2)

    assert scores.tolist() == [dot(rows, row, query) for row in found]


@settings(max_examples=500)
@given(draw=st.data(), d=st.integers(1, 70))
def test_eight_rows_together_are_the_eight_rows_alone(draw, d):
    factor = st.floats(-4, 4, width=32)
    rows = np.random.default_rng(d).normal(size=(11, d)).astype(np.float32)
    query = draw.draw(arrays(np.float32, d, elements=factor))
    out = np.zeros(12, np.float32)

    dots(rows, 2, query, out, 3)

    assert [dot(rows, row, query) for row in range(2, 10)] == out[3:11].tolist()
    assert [0, 0, 0, 0] == [*out[:3].tolist(), out[11]]


@pytest.mark.parametrize("mask", [0, 1, 0xF0F0, 2**64 - 1])
def test_ones_counts_the_bits_that_are_set(mask):
    assert mask.bit_count() == ones(np.uint64(mask))


@pytest.mark.parametrize("at", [0, 1, 31, 32, 63])
def test_lowest_is_the_place_of_the_lowest_bit(at):
    assert at == lowest(np.uint64((1 << at) | (1 << 63)))
