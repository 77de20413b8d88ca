import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference, reference_sums
from core.blend import add, counted_moments, moments, padded_moments, standardise

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


def test_padded_moments_known_answer():
    """Of 4, 0, 0 and 0; with something that is no number in it."""
    assert (1, 3**0.5) == padded_moments(f32([0, 4]), 4)
    assert (0, 0) == padded_moments(f32([]), 1)
    assert not np.isfinite(padded_moments(f32([1, NAN]), 4)[0])
    assert not np.isfinite(padded_moments(f32([1, np.inf, -np.inf]), 4)[0])


def test_counted_moments_known_answer():
    """Of 1, 1, 1 and 5; and where nothing is counted."""
    assert (2, 3**0.5) == counted_moments(f32([1, 5, 9]), np.array([3, 1, 0]))
    assert (0, 0) == counted_moments(f32([7]), np.array([0]))
    assert (7, 0) == counted_moments(f32([7, 0]), np.array([9, 0]))


@settings(max_examples=500)
@given(
    arrays(np.float32, st.integers(1, 30), elements=st.floats(-99, 99, width=32) | st.just(0.0)),
    st.integers(0, 30),
)
def test_padded_moments_are_those_of_everything_written_out(values, more):
    count = max(np.count_nonzero(values) + more, 1)
    expected = reference_sums.padded_moments(values, count)

    assert expected == pytest.approx(padded_moments(values, count), rel=1e-4, abs=1e-3)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.floats(-99, 99, width=32) | st.just(0.0), st.integers(0, 5))))
def test_counted_moments_are_those_of_everything_written_out(given):
    values, counts = f32([value for value, _ in given]), np.array([n for _, n in given], np.int64)
    expected = reference_sums.counted_moments(values, counts)

    assert expected == pytest.approx(counted_moments(values, counts), rel=1e-6, abs=1e-6)


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        padded_moments(f32([1]), 0)
    with pytest.raises(ValueError, match=r"values must be float32 \(n,\)"):
        padded_moments(np.zeros(1), 1)
    with pytest.raises(ValueError, match=r"counts must be int64 \(1,\), got int64 \(2,\)"):
        counted_moments(f32([1]), np.array([1, 2]))
