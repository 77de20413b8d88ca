import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_factors as reference
from core.embedding import Embedding
from core.sums import best_sums, sums_at
from core.topk import CHUNK

BASE = st.floats(-50, 50, width=32) | st.sampled_from([0.0, -np.inf, np.nan])
FACTOR = st.floats(-5, 5, width=32) | st.just(0.0)
PRICE = st.floats(0, 3, width=32) | st.just(0.0)


def f32(values):
    return np.array(values, np.float32)


BASES = f32([1, 2, 3, -np.inf, np.nan])
TERM = Embedding(f32([[1, 0], [0, 2], [0, 0], [9, 9]])), f32([3, 1])


def test_known_answer():
    """Sums 4, 4, 3; the last two rows are out; of equal scores the lower row comes first."""
    rows, scores = best_sums(BASES, [TERM], 4)

    assert ([0, 1, 2], [4, 4, 3]) == (rows.tolist(), scores.tolist())
    assert [4, 3] == sums_at(BASES, [TERM], np.array([1, 2], np.int32)).tolist()


def test_a_price_takes_off_a_share_of_the_best_score_and_scores_are_those_before():
    """The best score is 4: a price of 1 at a share of 0.5 takes off 2."""
    rows, scores = best_sums(BASES, [TERM], 2, prices=f32([1, 0.25, 0, 0, 0]), share=0.5)

    assert ([1, 2], [4, 3]) == (rows.tolist(), scores.tolist())


def test_where_no_score_is_above_nothing_nothing_is_charged():
    rows, _ = best_sums(f32([-1, -2]), [], 2, prices=f32([9, 0]), share=1.0)

    assert [0, 1] == rows.tolist()


@settings(max_examples=500)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), max_size=2),
    k=st.integers(1, 12),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    draw=st.data(),
)
def test_best_sums_are_the_best_of_all_sums(sizes, k, share, draw):
    base = draw.draw(arrays(np.float32, 40, elements=BASE))
    prices = draw.draw(arrays(np.float32, 40, elements=PRICE))
    terms = [
        (
            Embedding(draw.draw(arrays(np.float32, size, elements=FACTOR))),
            draw.draw(arrays(np.float32, size[1], elements=FACTOR)),
        )
        for size in sizes
    ]

    rows, scores = best_sums(base, terms, k, prices=prices, share=share)

    every = sums_at(base, terms, np.arange(40, dtype=np.int32))
    np.testing.assert_allclose(every, reference.sums(base, terms), rtol=1e-4, atol=1e-4)
    expected = reference.best_of_sums(every, k, prices, share)
    assert expected.tolist() == rows.tolist()
    np.testing.assert_array_equal(every[expected], scores)


@pytest.mark.parametrize("scale", [0.01, 1, 100])
@pytest.mark.parametrize("n", [CHUNK - 1, CHUNK, 20 * CHUNK + 3])
def test_many_rows_of_every_kind_of_norm(n, scale):
    """Whether the bound rules out nearly all rows or none, the answer is exact."""
    rng = np.random.default_rng(n)
    base, prices = rng.standard_normal((2, n)).astype(np.float32)
    values = (scale * rng.standard_normal((n, 24)) * rng.pareto(1.5, (n, 1))).astype(np.float32)
    terms = [(Embedding(values), rng.standard_normal(24).astype(np.float32))]
    every = sums_at(base, terms, np.arange(n, dtype=np.int32))

    for share in (0.0, 0.2):
        rows, _ = best_sums(base, terms, 50, prices=np.abs(prices), share=share)

        assert reference.best_of_sums(every, 50, np.abs(prices), share).tolist() == rows.tolist()


@pytest.mark.parametrize(
    "base, terms, options, message",
    [
        (f32([[1]]), [], {}, r"base must be float32 \(n,\)"),
        (f32([1]), [TERM], {}, "an embedding has 4 rows, base 1"),
        (BASES, [TERM] * 3, {}, "at most 2 terms, got 3"),
        (BASES, [(TERM[0], f32([1]))], {}, r"query must be float32 \(2,\)"),
        (BASES, [], {"k": 0}, "k must be at least 1"),
        (BASES, [], {"prices": f32([1]), "share": 1.0}, r"prices must be float32 \(5,\)"),
        (BASES, [], {"share": np.nan}, "share must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(base, terms, options, message):
    with pytest.raises(ValueError, match=message):
        best_sums(base, terms, **({"k": 1} | options))


def test_rows_must_be_rows_of_the_base():
    with pytest.raises(ValueError, match=r"rows must be in 0\.\.4"):
        sums_at(BASES, [], np.array([5], np.int32))
