import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.topk import CHUNK, ROOM, topk

TIES = st.sampled_from([0.0, -0.0, 0.5, 1.0, -np.inf, np.inf, np.nan])
SCORE = st.floats(width=32) | TIES


def same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_known_answer():
    rows, scores = topk(np.array([1, 3, np.nan, 3, -np.inf], np.float32), k=4)

    assert [1, 3, 0] == rows.tolist()
    assert [3, 3, 1] == scores.tolist()


def test_plus_infinity_comes_first_and_minus_infinity_never():
    rows, _ = topk(np.array([-np.inf, 7, np.inf, -np.inf], np.float32), k=4)

    assert [2, 1] == rows.tolist()


def test_zero_and_minus_zero_are_a_tie():
    rows, _ = topk(np.array([-0.0, 0.0, -0.0], np.float32), k=3)

    assert [0, 1, 2] == rows.tolist()


def test_no_scores_give_an_empty_answer():
    rows, scores = topk(np.empty(0, np.float32), k=5)

    assert (0, 0) == (rows.size, scores.size)


@settings(max_examples=500)
@given(scores=arrays(np.float32, st.integers(0, 64), elements=SCORE), k=st.integers(1, 80))
def test_matches_reference(scores, k):
    same(topk(scores, k), reference.topk(scores, k))


@pytest.mark.parametrize("k", [1, 50, ROOM + 7])
@pytest.mark.parametrize("order", ["random", "ascending", "descending", "equal", "few values"])
def test_matches_reference_over_many_chunks_and_cuts(order, k):
    """Long enough that the buffer is cut several times, with an odd last chunk."""
    n = 20 * CHUNK + 3
    random = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    scores = {
        "random": random,
        "ascending": np.sort(random),
        "descending": np.sort(random)[::-1],
        "equal": np.full(n, 0.5, np.float32),
        "few values": np.round(random),
    }[order]

    same(topk(scores, k), reference.topk(scores, k))


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_k_must_be_a_positive_whole_number(k):
    with pytest.raises(ValueError, match="k must be"):
        topk(np.zeros(3, np.float32), k)


@pytest.mark.parametrize("scores", [np.zeros(3), np.zeros((3, 2), np.float32)])
def test_scores_must_be_a_float32_vector(scores):
    with pytest.raises(ValueError, match=r"scores must be float32 \(n,\)"):
        topk(scores, 1)
