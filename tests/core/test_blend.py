import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.blend import blend, standardise

SCORE = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 0.5, 1.0, -np.inf, np.nan])
WEIGHT = st.floats(-4, 4, width=32) | st.just(0.0)
NAN, EXCLUDED = np.nan, -np.inf


def f32(values):
    return np.array(values, np.float32)


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
@given(scores=arrays(np.float32, st.integers(0, 64), elements=SCORE))
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


@pytest.mark.parametrize(
    "scores, weights, message",
    [
        (f32([1, 2]), f32([1]), r"scores must be float32 \(s, n\)"),
        (f32([[1, np.inf]]), f32([1]), "scores must be below infinity"),
        (f32([[1, 2]]), f32([1, 2]), r"weights must be float32 \(1,\)"),
        (f32([[1, 2]]), f32([NAN]), "weights must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(scores, weights, message):
    with pytest.raises(ValueError, match=message):
        blend(scores, weights)


def test_standardise_refuses_plus_infinity():
    with pytest.raises(ValueError, match="scores must be below infinity"):
        standardise(f32([1, np.inf]))
