import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_exposure as reference
from core.evaluation import gini
from core.exposure import MOST, STEP, adjust, exposure, fit_prices, floor, pace
from core.topk import topk

SCORE = st.floats(-4, 4, width=32) | st.sampled_from([0.0, -np.inf, np.nan])
PRICE = st.floats(0, 2, width=32)


def f32(values):
    return np.array(values, np.float32)


@st.composite
def worlds(draw):
    users, n = draw(st.integers(0, 4)), draw(st.integers(1, 40))
    scores = draw(arrays(np.float32, (users, n), elements=SCORE))
    return scores, draw(arrays(np.float32, n, elements=PRICE)), draw(st.integers(1, 50))


def tastes(users=300, n=60):
    """Everybody likes the first rows best, and each row a little less or more than the next."""
    rng = np.random.default_rng(0)
    scores = (np.linspace(1, 0.2, n) + 0.3 * rng.random((users, n))).astype(np.float32)
    return scores / scores.max(axis=1, keepdims=True)


def test_a_price_moves_a_row_down_the_list():
    rows, scores = topk(f32([3, 2, 1]), 2, prices=f32([4, 0, 0]), charge=0.5)

    assert ([1, 0], [2.0, 1.0]) == (rows.tolist(), scores.tolist())


def test_exposure_counts_places_on_lists():
    scores = f32([[3, 2, 1], [3, 1, 2], [-np.inf, np.nan, 1]])

    assert [2, 1, 2] == exposure(scores, np.zeros(3, np.float32), charge=1, k=2).tolist()
    assert [0, 2, 3] == exposure(scores, f32([9, 0, 0]), charge=1, k=2).tolist()


def test_a_row_shown_twice_its_share_rises_by_a_step():
    moved = adjust(f32([0, 0, 0]), np.array([2, 1, 0]), np.ones(3), step=0.1)

    np.testing.assert_allclose([0.2, 0.1, 0.0], moved, atol=1e-7)


@settings(max_examples=500)
@given(world=worlds(), charge=st.sampled_from([0.0, 0.3, 1.0]))
def test_charged_lists_match_reference_to_the_bit(world, charge):
    scores, prices, k = world
    for of_user in scores:
        found = topk(of_user, k, prices=prices, charge=charge)
        expected = reference.topk(of_user, k, prices=prices, charge=charge)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)
    assert (
        reference.exposure(scores, prices, charge=charge, k=k).tolist()
        == exposure(scores, prices, charge=charge, k=k).tolist()
    )


@settings(max_examples=500)
@given(draw=st.data(), n=st.integers(1, 20))
def test_adjust_matches_reference_and_keeps_the_least_at_zero(draw, n):
    prices = draw.draw(arrays(np.float32, n, elements=PRICE))
    shown = draw.draw(arrays(np.int64, n, elements=st.integers(0, 9)))
    target = draw.draw(arrays(np.float64, n, elements=st.floats(0, 3)))
    target[draw.draw(st.integers(0, n - 1))] = 1.0

    moved = adjust(prices, shown, target, step=0.1)

    np.testing.assert_allclose(reference.adjust(prices, shown, target, step=0.1), moved, atol=1e-6)
    assert shown.sum() == 0 or moved.min() == 0
    assert moved.max() <= max(MOST, prices.max())


def test_a_share_of_next_to_nothing_moves_a_price_no_further_than_a_hundredth_of_the_mean():
    moved = adjust(f32([0, 0]), np.array([1, 1]), np.array([1.0, 2e-311]), step=0.01)

    np.testing.assert_allclose([0.0, 0.01 * (1 / 0.01 + 0.5)], moved, rtol=1e-5)


def test_few_showings_make_a_small_step_and_many_no_more_than_a_whole_one():
    assert STEP / 2 == pytest.approx(pace(np.full(4, 3)))
    assert STEP == pace(np.full(4, 6)) == pace(np.full(4, 600))
    assert 0 < pace(np.zeros(4, np.int64)) < 1e-30


def test_progress_is_told_after_every_round():
    told = []
    fit_prices(f32([[2, 1]]), k=1, target=np.ones(2), rounds=4, progress=told.append)

    assert [0.25, 0.5, 0.75, 1] == told


@settings(max_examples=500)
@given(draw=st.data(), n=st.integers(2, 20))
def test_who_is_shown_more_costs_more(draw, n):
    shown = draw.draw(arrays(np.int64, n, elements=st.integers(0, 9)))

    moved = adjust(np.zeros(n, np.float32), shown, np.ones(n), step=0.1)

    assert np.array_equal(np.argsort(shown, kind="stable"), np.argsort(moved, kind="stable"))


def test_prices_spread_exposure_and_no_rounds_do_not():
    scores = tastes()
    free = exposure(scores, fit_prices(scores, k=5, target=np.ones(60), rounds=0), charge=1, k=5)
    priced = exposure(scores, fit_prices(scores, k=5, target=np.ones(60)), charge=1, k=5)

    assert gini(free) > 0.8
    assert gini(priced) < 0.3


def test_exposure_comes_near_any_target():
    scores, target = tastes(), np.where(np.arange(60) < 30, 3.0, 1.0)

    shown = exposure(scores, fit_prices(scores, k=5, target=target, rounds=300), charge=1, k=5)

    assert shown[:30].sum() / shown[30:].sum() == pytest.approx(3, rel=0.2)


def test_a_floor_lifts_only_who_is_below_it():
    lifted = floor(np.array([8.0, 1.0, 1.0]), np.array([0, 2]), 0.6)

    np.testing.assert_allclose([0.8, 0.1, 0.2], lifted)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: topk(f32([1]), 1, prices=f32([1, 2]), charge=1), r"prices must be float32 \(1,\)"),
        (lambda: topk(f32([1]), 1, prices=f32([np.nan]), charge=1), "prices must be finite"),
        (lambda: topk(f32([1]), 1, prices=f32([1]), charge=np.inf), "charge must be finite"),
        (lambda: exposure(f32([1]), f32([1]), charge=1, k=1), r"scores must be float32 \(users, n"),
        (lambda: exposure(f32([[1]]), f32([1]), charge=-1, k=1), "charge must not be negative"),
        (lambda: exposure(f32([[1]]), f32([1]), charge=1, k=0), "k must be at least 1"),
        (lambda: fit_prices(f32([[1]]), k=1, target=np.zeros(1)), "target must not be negative"),
        (lambda: fit_prices(f32([[1]]), k=1, target=np.ones(2)), r"target must be float64 \(1,\)"),
        (lambda: fit_prices(f32([[1]]), k=1, target=np.ones(1), rounds=-1), "rounds must be at"),
        (lambda: adjust(f32([1]), np.array([-1]), np.ones(1), step=1), "shown must be int64"),
        (lambda: adjust(f32([1]), np.array([1]), np.ones(1), step=0), "step must be above 0"),
        (lambda: floor(np.ones(2), np.array([0]), -1.0), "share must not be negative"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
