from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.evaluation import Truth, coverage, gini, mrr, ndcg, novelty, recall

NAN = np.nan
FRACTIONS: Any = np.ones(9)


def truth(*wanted):
    sizes = [len(rows) for rows in wanted]
    return Truth(
        np.cumsum([0, *sizes]), np.array([row for rows in wanted for row in rows], np.int32)
    )


SHOWN = np.array([[4, 1, 2], [4, 1, 2], [5, -1, -1], [4, 1, 2], [2, 2, 7]], np.int32)
TRUTH = truth([1, 2, 8, 9], [6], [5], [], [2, 7])


def test_recall_known_answer():
    np.testing.assert_array_equal(recall(SHOWN, TRUTH), [0.5, 0, 1, NAN, 1])


def test_ndcg_known_answer():
    """User 0 hits at ranks 2 and 3 of three ideal ones; user 4 at 1 and, not counted twice, 3."""
    second, third = 1 / np.log2(3), 0.5
    first_user = (second + third) / (1 + second + third)

    np.testing.assert_allclose(
        ndcg(SHOWN, TRUTH), [first_user, 0, 1, NAN, (1 + third) / (1 + second)], rtol=1e-12
    )


def test_mrr_known_answer():
    np.testing.assert_array_equal(mrr(SHOWN, TRUTH), [0.5, 0, 1, NAN, 1])


def test_coverage_known_answer():
    """1, 2, 4, 5 and 7 of ten rows; padding covers nothing."""
    assert 0.5 == coverage(SHOWN, 10)
    assert 0.0 == coverage(np.full((2, 3), -1, np.int32), 10)


@pytest.mark.parametrize(
    "exposure, expected",
    [([5, 5, 5, 5], 0.0), ([0, 0, 0, 8], 0.75), ([1, 3], 0.25), ([3, 0, 1], 0.5)],
)
def test_gini_known_answer(exposure, expected):
    assert expected == pytest.approx(gini(np.array(exposure)), abs=1e-15)


@settings(max_examples=500)
@given(exposure=arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 99)))
def test_gini_is_half_the_relative_mean_difference(exposure):
    exposure[0] += 1
    differences = np.abs(np.subtract.outer(exposure, exposure)).mean()

    assert pytest.approx(differences / (2 * exposure.mean()), abs=1e-12) == gini(exposure)


def test_novelty_known_answer():
    """Of 16 users all know row 0, one knows row 1, nobody row 2 (counts as one), four row 3."""
    listeners = np.array([16, 1, 0, 4])

    assert 0.0 == novelty(np.array([[0, 0]], np.int32), listeners, 16)
    assert 1.0 == novelty(np.array([[1, 2]], np.int32), listeners, 16)
    assert 0.5 == novelty(np.array([[0, 3, 1], [-1, 3, -1]], np.int32), listeners, 16)
    assert np.isnan(novelty(np.array([[-1]], np.int32), listeners, 16))


@settings(max_examples=500)
@given(
    shown=arrays(
        np.int32, st.tuples(st.integers(0, 6), st.integers(1, 8)), elements=st.integers(-1, 9)
    ),
    choose=st.data(),
)
def test_ranking_measures_match_reference(shown, choose):
    rows = st.lists(st.integers(0, 9), unique=True).map(sorted)
    wanted = truth(*[choose.draw(rows) for _ in shown])

    for name, measure in {"recall": recall, "ndcg": ndcg, "mrr": mrr}.items():
        expected = getattr(reference, name)(shown, wanted)
        np.testing.assert_allclose(measure(shown, wanted), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: recall(SHOWN[:2], TRUTH), r"shown must be int32 \(5, k\), got int32 \(2, 3\)"),
        (lambda: ndcg(SHOWN[:, :0], TRUTH), "k must be at least 1"),
        (lambda: mrr(SHOWN.astype(np.int64), TRUTH), r"shown must be int32 \(5, k\)"),
        (lambda: truth([2, 1]), "columns must ascend"),
        (lambda: coverage(SHOWN, 7), r"shown must be in 0\.\.6, got 7"),
        (lambda: coverage(SHOWN - 1, 9), r"shown must be in 0\.\.8, got -2"),
        (lambda: gini(np.zeros(3)), "exposure must be finite, not negative and not all zero"),
        (lambda: gini(np.array([2, -1])), "exposure must be finite, not negative"),
        (lambda: gini(np.array([2, NAN])), "exposure must be finite"),
        (lambda: gini(np.empty(0)), "exposure must be finite, not negative and not all zero"),
        (lambda: gini(np.ones((2, 2))), r"exposure must be \(n,\), got \(2, 2\)"),
        (lambda: novelty(SHOWN, np.full(9, 17), 16), "users must be at least 17, got 16"),
        (lambda: novelty(SHOWN, np.ones(9, np.int64), 1), "users must be at least 2"),
        (lambda: novelty(SHOWN, FRACTIONS, 16), r"listeners must be integers \(n,\)"),
        (lambda: novelty(SHOWN, np.ones(5, np.int64), 16), r"shown must be in 0\.\.4, got 7"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@settings(max_examples=500)
@given(
    shown=arrays(
        np.int32, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.integers(-1, 8)
    ),
    listeners=arrays(np.int32, 9, elements=st.integers(0, 16)),
)
def test_what_is_said_of_everything_shown_matches_reference(shown, listeners):
    assert reference.coverage(shown, 9) == coverage(shown, 9)
    if (shown >= 0).any():
        exposure = np.bincount(shown[shown >= 0], minlength=9).astype(np.float64)
        np.testing.assert_allclose(gini(exposure), reference.gini(exposure), atol=1e-12)
        expected = reference.novelty(shown, listeners, 16)
        np.testing.assert_allclose(novelty(shown, listeners, 16), expected, atol=1e-12)
