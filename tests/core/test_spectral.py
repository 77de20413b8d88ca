import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from core import reference
from core.spectral import Directions, spectral


def weights(x, **options):
    """The weights as the matrix they stand for."""
    found = spectral(csr_array(x), **options)
    return found.left @ found.right.T


def two_tastes():
    """Eight users of each of two tastes; tracks 0..3 and 4..7 never meet."""
    x = np.zeros((16, 8), np.float32)
    x[:8, :4] = x[8:, 4:] = 1
    return x


def test_two_tastes_are_two_directions():
    """Inside a taste every track says as much about every other; across, nothing."""
    dense = weights(two_tastes(), dimensions=2)

    taste = np.full((4, 4), 0.25)
    np.testing.assert_allclose(dense[:4, :4], taste, atol=1e-6)
    np.testing.assert_allclose(dense[4:, 4:], taste, atol=1e-6)
    np.testing.assert_allclose(dense[:4, 4:], 0, atol=1e-6)


@settings(max_examples=500)
@given(seed=st.integers(0, 2**32 - 1), users=st.integers(4, 30), tracks=st.integers(4, 30))
def test_matches_reference(seed, users, tracks):
    """Up to rounding, wherever the directions are told apart: a random matrix has no ties."""
    rng = np.random.default_rng(seed)
    x = rng.random((users, tracks), np.float32) + np.float32(0.1)
    dimensions = int(rng.integers(1, min(users, tracks)))

    options = {
        "dimensions": dimensions,
        "track_exponent": rng.choice([0.3, 0.5]),
        "target_exponent": rng.choice([0, 0.2, 0.5]),
    }

    actual = weights(x, **options)

    expected = reference.spectral(csr_array(x), **options)
    np.testing.assert_allclose(actual, expected, rtol=2e-3, atol=2e-4)


def test_the_same_input_gives_the_same_bytes():
    x = csr_array(np.random.default_rng(0).random((20, 12), np.float32))

    first, second = (spectral(x, dimensions=5) for _ in range(2))

    assert first.left.tobytes() == second.left.tobytes()
    assert first.right.tobytes() == second.right.tobytes()


@settings(max_examples=500)
@given(seed=st.integers(0, 2**32 - 1), heard=st.integers(0, 6))
def test_the_score_is_the_weighted_sum_of_the_rows_heard(seed, heard):
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((2, 6, 3), np.float32)
    rows = rng.permutation(6)[:heard].astype(np.int32)
    strengths = rng.standard_normal(heard, np.float32)

    directions = Directions(left, right)
    actual = directions.targets.values @ directions.query(rows, strengths)

    np.testing.assert_allclose(actual, strengths @ (left @ right.T)[rows], atol=1e-4)


def test_less_weight_for_popular_targets_is_less():
    x = two_tastes()
    x[8:, 0] = 1

    damped = weights(x, dimensions=2, target_exponent=0.2)

    np.testing.assert_allclose(damped[:, 0], weights(x, dimensions=2)[:, 0] * 16**-0.3, rtol=1e-3)


@pytest.mark.parametrize(
    "rows, strengths, message",
    [
        (np.array([8], np.int32), np.ones(1, np.float32), "rows must be in 0..7"),
        (np.zeros(2, np.int32), np.ones(1, np.float32), "strengths"),
        (np.zeros(1, np.int32), np.array([np.nan], np.float32), "strengths must be finite"),
    ],
)
def test_refuses_a_history_that_does_not_fit(rows, strengths, message):
    with pytest.raises(ValueError, match=message):
        spectral(csr_array(two_tastes()), dimensions=2).query(rows, strengths)


def test_refuses_directions_that_do_not_pair_and_exponents_that_are_no_numbers():
    square = np.ones((3, 3), np.float32)
    with pytest.raises(ValueError, match="right"):
        Directions(square, square[:2])
    with pytest.raises(ValueError, match="exponents must be finite"):
        spectral(csr_array(two_tastes()), dimensions=2, track_exponent=float("nan"))


def test_a_track_nobody_heard_has_no_weight():
    x = two_tastes()
    x[:, 2] = 0

    dense = weights(x, dimensions=2)

    assert not dense[2].any()
    assert not dense[:, 2].any()


@pytest.mark.parametrize(
    "x, dimensions, message",
    [
        (two_tastes(), 8, "dimensions must be below 8, got 8"),
        (two_tastes(), 0, "dimensions must be at least 1, got 0"),
        (-two_tastes(), 2, "interactions must not be negative"),
        (two_tastes() * np.float32(np.nan), 2, "interactions must be finite"),
        (two_tastes().astype(np.float64), 2, "interactions must be float32 csr, got float64 csr"),
    ],
)
def test_refuses_what_it_cannot_use(x, dimensions, message):
    with pytest.raises(ValueError, match=message):
        spectral(csr_array(x), dimensions=dimensions)
