import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from core import reference
from core.spectral import spectral


def two_tastes():
    """Eight users of each of two tastes; tracks 0..3 and 4..7 never meet."""
    x = np.zeros((16, 8), np.float32)
    x[:8, :4] = x[8:, 4:] = 1
    return x


def test_two_tastes_are_two_directions():
    """Inside a taste every track says as much about every other; across, nothing."""
    dense = spectral(csr_array(two_tastes()), dimensions=2)

    taste = np.full((4, 4), 0.25) - 0.25 * np.eye(4)
    np.testing.assert_allclose(dense[:4, :4], taste, atol=1e-6)
    np.testing.assert_allclose(dense[4:, 4:], taste, atol=1e-6)
    np.testing.assert_allclose(dense[:4, 4:], 0, atol=1e-6)


@given(seed=st.integers(0, 2**32 - 1), users=st.integers(4, 30), tracks=st.integers(4, 30))
def test_matches_reference(seed, users, tracks):
    """Up to rounding, wherever the directions are told apart: a random matrix has no ties."""
    rng = np.random.default_rng(seed)
    x = rng.random((users, tracks), np.float32) + np.float32(0.1)
    dimensions = int(rng.integers(1, min(users, tracks)))

    actual = spectral(csr_array(x), dimensions=dimensions)

    expected = reference.spectral(csr_array(x), dimensions=dimensions)
    np.testing.assert_allclose(actual, expected, rtol=2e-3, atol=2e-4)


def test_the_same_input_gives_the_same_bytes():
    x = csr_array(np.random.default_rng(0).random((20, 12), np.float32))

    assert spectral(x, dimensions=5).tobytes() == spectral(x, dimensions=5).tobytes()


def test_a_track_nobody_heard_has_no_weight():
    x = two_tastes()
    x[:, 2] = 0

    dense = spectral(csr_array(x), dimensions=2)

    np.testing.assert_allclose(dense[2], 0, atol=1e-4)
    np.testing.assert_allclose(dense[:, 2], 0, atol=1e-4)


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
