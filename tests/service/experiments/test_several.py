"""Adjusted p-values: by hand, above what scipy allows for fewer claims, and for every order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control

from service.experiments.several import holm

P = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1))


def test_known_answers() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])

    np.testing.assert_allclose([0.03, 0.06, 0.06, 0.02], holm(p))


@settings(max_examples=500, deadline=None)
@given(p=P)
def test_never_smaller_and_in_the_same_order(p: np.ndarray) -> None:
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (adjusted >= false_discovery_control(p) - 1e-15).all()


def test_what_is_no_p_value_is_refused() -> None:
    for wrong in (np.array([1.1]), np.array([np.nan]), np.array([[0.5]])):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm(wrong)
