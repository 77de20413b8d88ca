import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.blend import add, moments, standardise

SCORE = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 0.5, 1.0, -np.inf, np.nan])
WEIGHT = st.floats(-4, 4, width=32) | st.just(0.0)
NAN, EXCLUDED = np.nan, -np.inf


def f32(values):
    return np.array(values, np.float32)


def blend(scores, weights):
    """Strategy by strategy, as lists are made."""
    out = np.full(scores.shape[1], NAN, np.float32)
    for strategy, weight in zip(scores, weights, strict=True):
        if weight:
            mean, deviation = moments(strategy)
            add(strategy, weight, out, mean=mean, deviation=deviation)
    return out


def test_standardise_known_answer():
    """Mean 3, deviation 2 over the finite ones."""
    scores = f32([1, NAN, 5, EXCLUDED, 1, 5])

    np.testing.assert_array_equal(standardise(scores), f32([-1, NAN, 1, EXCLUDED, -1, 1]))


@pytest.mark.parametrize("value", [0.1, -7e8, 1e-30])
def test_equal_scores_become_zero_exactly(value):
    assert {0.0} == set(standardise(np.full(1001, value, np.float32)).tolist())


def test_blend_known_answer():
    """Each strategy standardises to -1, 1; silence counts as 0 and the last row is never scored."""
    scores = f32([[1, 5, NAN, NAN], [2, NAN, 4, NAN], [9, 8, 7, 6]])

    np.testing.assert_array_equal(blend(scores, f32([1, 0.5, 0])), f32([-1.5, 1, 0.5, NAN]))


@pytest.mark.parametrize("weight", [2, -2])
def test_a_row_any_weighted_strategy_excludes_is_excluded(weight):
    scores = f32([[1, 5, 5], [EXCLUDED, 2, 4]])
    mixed = blend(scores, f32([1, weight]))

    assert EXCLUDED == mixed[0]
    assert np.isfinite(mixed[1:]).all()


def test_a_strategy_without_weight_excludes_nothing():
    scores = f32([[1, 5], [EXCLUDED, EXCLUDED]])

    assert [-1, 1] == blend(scores, f32([1, 0])).tolist()


def test_no_strategy_scores_nothing():
    assert np.isnan(blend(np.empty((0, 3), np.float32), f32([]))).all()


@settings(max_examples=500)
@given(scores=arrays(np.float32, st.integers(0, 64) | st.integers(500, 1100), elements=SCORE))
def test_standardise_matches_reference_to_the_bit(scores):
    np.testing.assert_array_equal(standardise(scores), reference.standardise(scores), strict=True)


@settings(max_examples=500)
@given(
    scores=arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(0, 24)), elements=SCORE),
    choose=st.data(),
)
def test_blend_matches_reference_to_the_bit(scores, choose):
    weights = choose.draw(arrays(np.float32, len(scores), elements=WEIGHT))

    np.testing.assert_array_equal(
        blend(scores, weights), reference.blend(scores, weights), strict=True
    )


def test_standardise_refuses_plus_infinity():
    with pytest.raises(ValueError, match="scores must be below infinity"):
        standardise(f32([1, np.inf]))


def test_what_is_shorter_adds_to_the_first_rows_only():
    out = f32([NAN, 1, NAN])

    add(f32([3, 5]), 2, out, mean=4, deviation=1)

    np.testing.assert_array_equal(f32([-2, 3, NAN]), out)


def test_moments_known_answer():
    assert (3, 2) == moments(f32([1, NAN, 5, EXCLUDED, 1, 5]))
    assert (7, 0) == moments(f32([7, 7]))
    assert (0, 0) == moments(f32([NAN]))


def test_what_cannot_be_added_is_refused():
    out = np.zeros(2, np.float32)

    with pytest.raises(ValueError, match="out must be C-contiguous and writable"):
        add(f32([1]), 1, np.zeros(4, np.float32)[::2], mean=0, deviation=1)
    with pytest.raises(ValueError, match=r"scores must be float32 \(m,\)"):
        add(f32([[1, 2]]), 1, out, mean=0, deviation=1)
    with pytest.raises(ValueError, match="scores must be below infinity"):
        blend(f32([[1, np.inf]]), f32([1]))
