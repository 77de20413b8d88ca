import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_factors as reference
from core.embedding import BLOCK, Embedding

VALUE = st.floats(-100, 100, width=32) | st.just(0.0)


def f32(values):
    return np.array(values, np.float32)


def test_known_answer():
    """Products 3, 0 and 4; the row of zeros says nothing."""
    embedding = Embedding(f32([[3, 0], [0, 0], [0, 2]]))

    assert [True, False, True] == embedding.known.tolist()
    assert (3.5, 0.5) == pytest.approx(embedding.moments(f32([1, 2])))
    np.testing.assert_array_equal(
        f32([4, 3, np.nan]), embedding.products(f32([1, 2]), np.array([2, 0, 1], np.int32))
    )


@settings(max_examples=500)
@given(
    values=arrays(np.float32, st.tuples(st.integers(0, 20), st.integers(1, 6)), elements=VALUE),
    draw=st.data(),
)
def test_moments_and_products_are_those_of_the_products_written_out(values, draw):
    query = draw.draw(arrays(np.float32, values.shape[1], elements=VALUE))
    embedding, every = Embedding(values), np.arange(len(values), dtype=np.int32)
    mean, deviation = reference.product_moments(values, query)

    assert (mean, deviation) == pytest.approx(embedding.moments(query), rel=1e-4, abs=0.1)
    np.testing.assert_allclose(
        embedding.products(query, every), reference.products(values, query), rtol=1e-3, atol=1e-2
    )
    assert (embedding.norms >= np.linalg.norm(values.astype(np.float64), axis=1)).all()


def test_more_rows_than_one_block_are_summed_up():
    values = np.random.default_rng(0).random((BLOCK + 5, 3), np.float32)
    embedding = Embedding(values)

    np.testing.assert_allclose(embedding.total, values.sum(axis=0, dtype=np.float64))
    np.testing.assert_allclose(embedding.gram, values.T.astype(np.float64) @ values)
    with pytest.raises(ValueError, match="read-only"):
        embedding.norms[0] = 1


@pytest.mark.parametrize(
    "values, message",
    [
        (np.ones(3, np.float32), r"values must be float32 \(n, d\)"),
        (f32([[1, np.nan]]), "values must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Embedding(values)


def test_a_query_and_rows_must_fit():
    embedding = Embedding(f32([[1, 2]]))

    with pytest.raises(ValueError, match=r"query must be float32 \(2,\)"):
        embedding.moments(f32([1]))
    with pytest.raises(ValueError, match="query must be finite"):
        embedding.products(f32([1, np.inf]), np.zeros(1, np.int32))
    with pytest.raises(ValueError, match=r"rows must be in 0\.\.0"):
        embedding.products(f32([1, 1]), np.ones(1, np.int32))
