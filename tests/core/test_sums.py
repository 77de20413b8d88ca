import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_sums as reference
from core.coding import Coding
from core.embedding import Embedding
from core.sums import Flat, Nearness, Product, Sum, Table, best_of, sums_of
from core.topk import CHUNK

N = 40
VALUE = st.floats(-50, 50, width=32) | st.just(0.0)
HOLED = VALUE | st.sampled_from([-np.inf, np.nan])
WEIGHT = st.floats(0.125, 4, width=32)
SHARE = st.floats(0, 1, width=32) | st.just(0.0)
NO_FEATURES = np.empty((3, 0), np.float32)


def f32(values):
    return np.array(values, np.float32)


def i32(values):
    return np.array(values, np.int32)


def every(total):
    return sums_of(total, np.arange(total.n, dtype=np.int32))


KINDS = Sum(
    n=3,
    features=f32([[0.5], [1], [np.nan]]),
    flats=[Flat(f32([1, np.nan, 3]), 2.0)],
    flags=np.array([True, False]),
    constant=10.0,
    tables=[Table(f32([100, 200]), Coding(i32([0, -1, 0]), 2))],
    nearnesses=[Nearness(f32([1]), f32([4]), 1000.0, 0.0)],
    products=[Product(Embedding(f32([[0, 0], [1, 2]])), f32([10_000, 20_000]), 7.0)],
)


def test_known_answer():
    """2 + 10 + 100 + 500; 200 + 1000 + 50000 + 7; 6 + 100."""
    assert [612, 51_207, 106] == every(KINDS).tolist()
    rows, scores = best_of(KINDS, 2)
    assert ([1, 0], [51_207, 612]) == (rows.tolist(), scores.tolist())


def test_a_row_that_is_not_allowed_or_of_which_nothing_is_said_is_never_selected():
    quiet = Sum(
        n=3, features=NO_FEATURES, flats=[Flat(f32([1, 2, -np.inf])), Flat(f32([9, 9, 9]), 1.0)]
    )
    silent = Sum(n=3, features=NO_FEATURES, flats=[Flat(f32([1, 2, 3]), speaks=False)])

    assert [1] == best_of(quiet, 3, allowed=np.array([False, True, True]))[0].tolist()
    assert [] == best_of(silent, 3)[0].tolist()
    assert np.isnan(every(silent)).all()


def test_clipped_nearness_only_takes_off():
    near = Nearness(f32([1]), f32([1]), -2.0, 1.5, clipped=True)
    features, nothing = f32([[1], [0], [np.nan]]), Flat(f32([0, 0, 0]))
    total = Sum(n=3, features=features, flats=[nothing], nearnesses=[near])

    assert [-0.5, 0, 0] == every(total).tolist()


def test_a_price_takes_off_a_share_of_the_best_score_and_scores_are_those_before():
    """The best score is 4: a price of 1 at a share of 0.5 takes off 2."""
    total = Sum(n=3, features=NO_FEATURES, flats=[Flat(f32([4, 3.75, 1]))])

    rows, scores = best_of(total, 2, prices=f32([1, 0, 0]), share=0.5)

    assert ([1, 0], [3.75, 4]) == (rows.tolist(), scores.tolist())


def test_where_no_score_is_above_nothing_nothing_is_charged():
    total = Sum(n=3, features=NO_FEATURES, flats=[Flat(f32([-1, -2, -3]))])

    assert [0, 1] == best_of(total, 2, prices=f32([9, 0, 0]), share=1.0)[0].tolist()


@st.composite
def sums(draw):
    """Any parts, and any number of each kind."""
    columns = draw(st.integers(0, 3))
    embeddings = st.integers(1, 4).flatmap(
        lambda d: st.tuples(
            arrays(np.float32, st.tuples(st.integers(0, N), st.just(d)), elements=VALUE),
            arrays(np.float32, d, elements=VALUE),
        )
    )
    return Sum(
        n=N,
        features=draw(arrays(np.float32, (N, columns), elements=SHARE | st.just(np.nan))),
        flats=[
            Flat(draw(arrays(np.float32, N, elements=HOLED)), draw(WEIGHT), draw(st.booleans()))
            for _ in range(draw(st.integers(0, 2)))
        ],
        flags=draw(st.none() | arrays(np.bool_, st.integers(0, N))),
        constant=draw(VALUE),
        tables=[
            Table(
                draw(arrays(np.float32, 5, elements=VALUE)),
                Coding(draw(arrays(np.int32, N, elements=st.integers(-1, 4))), 5),
            )
            for _ in range(draw(st.integers(0, 2)))
        ],
        nearnesses=[
            Nearness(
                draw(arrays(np.float32, columns, elements=SHARE | st.just(np.nan))),
                draw(arrays(np.float32, columns, elements=SHARE)),
                draw(VALUE),
                draw(VALUE),
                draw(st.booleans()),
            )
            for _ in range(draw(st.integers(0, 2)))
        ],
        products=[
            Product(Embedding(rows), query, draw(VALUE))
            for rows, query in (draw(embeddings) for _ in range(draw(st.integers(0, 2))))
        ],
    )


@settings(max_examples=500, deadline=None)
@given(
    total=sums(),
    k=st.integers(1, 12),
    allowed=st.none() | arrays(np.bool_, N),
    prices=arrays(np.float32, N, elements=SHARE),
    share=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_the_best_are_the_best_of_all(total, k, allowed, prices, share):
    found = every(total)
    np.testing.assert_allclose(found, reference.sums_of(total), rtol=1e-3, atol=1e-2)

    rows, scores = best_of(total, k, allowed=allowed, prices=prices, share=share)

    assert reference.best_of(found, k, allowed, prices, share).tolist() == rows.tolist()
    np.testing.assert_array_equal(found[rows], scores)


@pytest.mark.parametrize("tiny", [1e-19, 1e-25, 1.2e-38])
def test_a_query_whose_square_is_nothing_in_float32_finds_its_rows(tiny):
    rows = Embedding(np.full((40, 1), -1, np.float32))
    total = Sum(
        n=40,
        features=np.zeros((40, 1), np.float32),
        products=[Product(rows, np.array([-tiny], np.float32), 0.0)],
    )

    assert [0] == best_of(total, 1)[0].tolist()


@pytest.mark.parametrize("scale", [0.01, 1, 100])
@pytest.mark.parametrize("n", [CHUNK - 1, CHUNK, 20 * CHUNK + 3])
def test_many_rows_of_every_kind_of_norm(n, scale):
    """Whether the bound rules out nearly all rows or none, the answer is exact."""
    rng = np.random.default_rng(n)
    values = (scale * rng.standard_normal((n, 24)) * rng.pareto(1.5, (n, 1))).astype(np.float32)
    total = Sum(
        n=n,
        features=rng.random((n, 2), np.float32),
        flats=[Flat(rng.standard_normal(n).astype(np.float32))],
        nearnesses=[Nearness(rng.random(2, np.float32), rng.random(2, np.float32), 3.0, -1.0)],
        products=[Product(Embedding(values), rng.standard_normal(24).astype(np.float32), 0.2)],
    )
    prices, found = rng.random(n, np.float32), every(total)

    for share in (0.0, 0.2):
        rows, _ = best_of(total, 50, prices=prices, share=share)

        assert reference.best_of(found, 50, None, prices, share).tolist() == rows.tolist()


LONG, SHORT = Embedding(f32([[1]] * 4)), Embedding(f32([[1]]))


def summed(**parts):
    return Sum(**({"n": 3, "features": NO_FEATURES} | parts))


@pytest.mark.parametrize(
    "parts, message",
    [
        ({"features": f32([1, 2, 3])}, r"features must be float32 \(3, d\)"),
        ({"flats": [Flat(f32([1]))]}, r"flat must be float32 \(3,\)"),
        ({"flats": [Flat(f32([1, 2, 3]))] * 7}, "at most 6 flats"),
        ({"flats": [Flat(f32([1, 2, 3]), 0.0)]}, "weight must be above 0"),
        ({"flags": np.zeros(4, np.bool_)}, "flags has 4 rows, the sum 3"),
        ({"tables": [Table(f32([np.nan]), Coding(i32([0, 0, 0]), 1))]}, "table must be finite"),
        ({"tables": [Table(f32([1]), Coding(i32([0]), 1))]}, r"codes must be int32 \(3,\)"),
        ({"products": [Product(LONG, f32([1]), 0.0)]}, "an embedding has 4 rows, the sum 3"),
        ({"products": [Product(SHORT, f32([np.inf]), 0.0)]}, "query must be finite"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        summed(**parts)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"k": 0}, "k must be at least 1"),
        ({"allowed": np.ones(2, np.bool_)}, r"allowed must be bool \(3,\)"),
        ({"prices": f32([1]), "share": 1.0}, r"prices must be float32 \(3,\)"),
        ({"share": np.nan}, "share must be at least 0 and finite"),
        ({"share": -1.0}, "share must be at least 0 and finite"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        best_of(KINDS, **({"k": 1} | options))


def test_rows_must_be_rows_of_the_sum():
    with pytest.raises(ValueError, match=r"rows must be in 0\.\.2"):
        sums_of(KINDS, i32([3]))
