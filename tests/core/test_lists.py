from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from core import reference_lists
from core.bootstrap import bootstrap
from core.diversity import diversity
from core.evaluation import rarity

NAN = np.nan
FRACTIONS: Any = np.ones(1)


def plays(dense) -> csr_array:
    return csr_array(np.array(dense, np.float32))


def test_diversity_known_answer() -> None:
    """Rows 0 and 1 share one of two listeners each, 2 has nobody, 0 and 3 the same listeners."""
    heard = plays([[1, 1, 0, 1], [1, 0, 0, 1], [0, 1, 0, 0]])

    found = diversity(np.array([[0, 1], [0, 2], [0, 3], [3, -1], [-1, -1]], np.int32), heard)

    np.testing.assert_allclose(found, [0.5, 1, 0, NAN, NAN], atol=1e-7)


def test_rarity_known_answer() -> None:
    shown, listeners = np.array([[0, 1], [2, -1]], np.int32), np.array([4, 1, 0], np.int32)

    assert pytest.approx((0 + 0.75 + 0.75) / 3) == rarity(shown, listeners, 4)
    assert np.isnan(rarity(np.full((2, 2), -1, np.int32), listeners, 4))


def test_bootstrap_known_answer() -> None:
    """The mean of ones is sure; that of a coin has a standard error of 1 / (2 sqrt n)."""
    coin = np.tile([0.0, 1.0], 5_000)

    low, high = bootstrap(coin, rng=np.random.default_rng(0))

    assert (1.0, 1.0) == bootstrap(np.array([1, NAN, 1.0]), rng=np.random.default_rng(0))
    assert pytest.approx((0.5 - 1.96 * 0.005, 0.5 + 1.96 * 0.005), abs=1e-3) == (low, high)
    assert np.isnan(bootstrap(np.array([NAN]), rng=np.random.default_rng(0))).all()


@st.composite
def worlds(draw) -> Any:
    users, n, k = draw(st.integers(1, 6)), draw(st.integers(1, 7)), draw(st.integers(1, 5))
    seed = np.random.default_rng(draw(st.integers(0, 2**31)))
    heard = seed.random((users, n)) * (seed.random((users, n)) < 0.5)
    shown = np.full((draw(st.integers(1, 4)), k), -1, np.int32)
    for row in shown:
        size = int(seed.integers(0, min(k, n) + 1))
        row[:size] = seed.permutation(n)[:size]
    return shown, plays(heard)


@settings(max_examples=500, deadline=None)
@given(world=worlds())
def test_diversity_and_rarity_match_their_twins(world) -> None:
    shown, heard = world
    listeners = (heard.toarray() > 0).sum(axis=0).astype(np.int32)
    users = max(2, heard.shape[0])

    np.testing.assert_allclose(
        diversity(shown, heard), reference_lists.diversity(shown, heard), atol=1e-5
    )
    np.testing.assert_allclose(
        rarity(shown, listeners, users), reference_lists.rarity(shown, listeners, users), rtol=1e-12
    )


@settings(max_examples=500, deadline=None)
@given(
    values=st.lists(st.floats(-1, 1) | st.just(NAN), min_size=1, max_size=8),
    seed=st.integers(0, 99),
    resamples=st.integers(1, 30),
)
def test_bootstrap_matches_its_twin(values, seed, resamples) -> None:
    array = np.array([0.0, *values])
    options: Any = {"resamples": resamples, "level": 0.9}

    ours = bootstrap(array, rng=np.random.default_rng(seed), **options)
    twin = reference_lists.bootstrap(array, rng=np.random.default_rng(seed), **options)

    np.testing.assert_allclose(ours, twin, atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bootstrap(np.ones(3, np.float32), rng=np.random.default_rng(0)),
        lambda: bootstrap(np.ones((2, 2)), rng=np.random.default_rng(0)),
        lambda: bootstrap(np.ones(2), rng=np.random.default_rng(0), level=1.0),
        lambda: bootstrap(np.ones(2), rng=np.random.default_rng(0), resamples=0),
        lambda: diversity(np.array([[3]], np.int32), plays([[1, 1]])),
        lambda: diversity(np.array([[0]], np.int64), plays([[1, 1]])),
        lambda: diversity(np.array([[0]], np.int32), plays([[-1, 1]])),
        lambda: rarity(np.array([[0]], np.int32), FRACTIONS, 4),
    ],
)
def test_what_does_not_fit_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        call()
