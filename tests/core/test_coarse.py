import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_factors as reference
from core.coarse import add_most, asked, encoded
from core.embedding import Embedding

VALUE = st.floats(-100, 100, width=32) | st.just(0.0)
EDGE = VALUE | st.sampled_from([1e-44, -1e-38, 1e-31, 1e18, -1e18])


def f32(values):
    return np.array(values, np.float32)


def mosts(values, query, rows, *, shift=0.0):
    one, out = Embedding(values), np.zeros(rows.size, np.float32)
    asked_for = asked(query, one.codes.shape[1])
    add_most(one.codes, one.steps, one.norms, asked_for, np.float32(shift), rows, out)
    return out


def test_known_answer():
    """Steps of 1 and 2; the row of zeros has none. 127 + 0.51 half a step, 7 of shift."""
    codes, steps = encoded(f32([[127, -3], [0, 0], [1, 254]]))

    assert ([1, 0, 2], (3, 16)) == (steps.tolist(), codes.shape)
    assert [[127, -3], [0, 0], [0, 127]] == codes[:, :2].tolist()
    assert not codes[:, 2:].any()
    most = mosts(f32([[127, -3], [0, 0]]), f32([1, 0]), np.array([1, 0, 5]), shift=7.0)
    np.testing.assert_allclose([0, 127 + 0.51 + 7, 0], most, rtol=1e-4)


@settings(max_examples=500)
@given(
    values=arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 40)), elements=EDGE),
    draw=st.data(),
)
def test_no_product_is_greater_and_none_much_less(values, draw):
    query = draw.draw(arrays(np.float32, values.shape[1], elements=VALUE))
    rows = np.arange(len(values))
    exact = reference.products(values, query).astype(np.float64)
    known = Embedding(values).norms > 0

    most = mosts(values, query, rows).astype(np.float64)

    sizes = np.linalg.norm(values.astype(np.float64), axis=1)
    room = 1.1e-2 * np.abs(values).max(axis=1) * np.abs(query.astype(np.float64)).sum()
    assert (most[known] >= exact[known] * (1 - 1e-6 * np.sign(exact[known])) - 1e-37).all()
    assert (most[known] <= exact[known] + room[known] + 1e-3 * sizes[known] + 1e-25).all()
    assert not most[~known].any()


def test_so_many_rows_are_settled_by_their_bytes():
    """What it is for: of 10,000 rows few have a bound above the best product."""
    draw = np.random.default_rng(0)
    values, query = draw.normal(size=(10_000, 128)), draw.normal(size=128)
    values, query, rows = values.astype(np.float32), query.astype(np.float32), np.arange(10_000)

    above = mosts(values, query, rows) >= np.sort(values @ query)[-20]

    assert 20 <= above.sum() <= 40
