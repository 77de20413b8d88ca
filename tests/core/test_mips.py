import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.factors import BLOCK, Factors
from core.mips import ArtistCap, mips, mips_batch

SCORE = st.floats(-2, 2, width=32) | st.sampled_from([0.0, -np.inf, np.inf, np.nan])
SCALE = st.sampled_from([0.0, 1e-45, 1e-40, 1e-20, 1e-3, 1.0, 1e3, 1e18, 1e30])


def f32(values):
    return np.array(values, np.float32)


def same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@st.composite
def questions(draw):
    d, n = draw(st.integers(1, 40)), draw(st.integers(0, 700))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.standard_normal((n, d)).astype(np.float32)
    kind = draw(st.sampled_from(["plain", "ties", "few rows", "uneven"]))
    if kind == "ties":
        values = np.round(values)
    if kind == "few rows":
        values = values[rng.integers(0, max(1, min(3, n)), n)]
    if kind == "uneven":
        values *= np.exp(3 * rng.standard_normal((n, 1))).astype(np.float32)
    query = rng.standard_normal(d).astype(np.float32)
    return values * np.float32(draw(SCALE)), query * np.float32(draw(SCALE))


@st.composite
def limits(draw, n):
    some = st.lists(st.integers(0, max(n - 1, 0)), max_size=n)
    excluded = draw(st.none() | st.just(list(range(n))) | some)
    return {
        "bias": draw(st.none() | arrays(np.float32, n, elements=SCORE)),
        "eligible": draw(st.none() | arrays(np.bool_, n)),
        "excluded": None if excluded is None else np.array(excluded, np.int32),
    }


def test_known_answer():
    factors = Factors(f32([[1, 0], [0, 1], [2, 0], [1, 1]]))
    rows, scores = mips(factors, f32([1, 0.5]), 3, bias=f32([0, 0, 0, 0.5]))

    assert [2, 3, 0] == rows.tolist()
    assert [2.0, 2.0, 1.0] == scores.tolist()


def test_exactly_k_when_k_are_eligible():
    """The four best rows are taken away in three ways, and the next four come instead."""
    factors = Factors(np.arange(8, 0, -1, dtype=np.float32)[:, None])
    eligible = np.array([False] + [True] * 7)
    cap = ArtistCap(np.array([0, 1, 2, 2, 2, -1, -1, -1], np.int32), 1)
    rows, _ = mips(
        factors, f32([1]), 4, eligible=eligible, excluded=np.array([1], np.int32), artist_cap=cap
    )

    assert [2, 5, 6, 7] == rows.tolist()


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
@settings(max_examples=700)
@given(question=questions(), k=st.integers(1, 800), choose=st.data())
def test_matches_reference_to_the_bit(question, k, choose):
    values, query = question
    options = choose.draw(limits(len(values)))
    found = mips(Factors(values), query, k, **options)

    same(found, reference.mips(values, query, k, **options))


@settings(max_examples=500)
@given(question=questions(), k=st.integers(1, 300), cap=st.integers(1, 4), choose=st.data())
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
def test_artist_caps_match_reference(question, k, cap, choose):
    values, query = question
    artists = choose.draw(arrays(np.int32, len(values), elements=st.integers(-1, 6)))
    found = mips(Factors(values), query, k, artist_cap=ArtistCap(artists, cap))

    same(found, reference.mips(values, query, k, artists=artists, cap=cap))


def hostile(name, n):
    rng = np.random.default_rng(1)
    values, query = rng.standard_normal((n, 20), np.float32), rng.standard_normal(20, np.float32)
    if name == "ascending":
        values = values[np.argsort(values @ query)]
    if name == "growing":
        values = np.linspace(1, 2, n, dtype=np.float32)[:, None] * query
    if name == "equal":
        values[:] = 1
    if name == "zero":
        values[:] = 0
    if name == "clustered":
        values = values[rng.integers(0, 5, n)] + values / 1000
    if name == "denormal":
        values *= np.float32(1e-41)
    if name == "one giant":
        values[n // 2] *= 1e6
    if name == "overflow":
        values *= np.float32(1e38 / 5)
        query *= 10
    return np.ascontiguousarray(values, np.float32), query


NAMES = (
    "random",
    "ascending",
    "growing",
    "equal",
    "zero",
    "clustered",
    "denormal",
    "one giant",
    "overflow",
)


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
@pytest.mark.parametrize("extra", ["plain", "biased", "few eligible", "all excluded", "some heard"])
@pytest.mark.parametrize("name", NAMES)
def test_matches_reference_over_many_blocks(name, extra):
    n = 12 * BLOCK + 5
    (values, query), rng = hostile(name, n), np.random.default_rng(2)
    options = {
        "plain": {},
        "biased": {"bias": rng.standard_normal(n, np.float32)},
        "few eligible": {"eligible": rng.random(n) < 0.02},
        "all excluded": {"excluded": np.arange(n, dtype=np.int32)},
        "some heard": {"excluded": rng.integers(0, n, 1000, dtype=np.int32)},
    }[extra]
    factors = Factors(values)
    for k in (1, 50, 700, n):
        same(mips(factors, query, k, **options), reference.mips(values, query, k, **options))


def test_a_batch_answers_each_as_if_it_were_alone():
    rng = np.random.default_rng(3)
    values, _ = hostile("random", 5 * BLOCK)
    queries, bias = rng.standard_normal((9, 20), np.float32), rng.random(len(values), np.float32)
    heard = [rng.integers(0, len(values), size, dtype=np.int32) for size in range(0, 900, 100)]
    found = mips_batch(Factors(values), queries, 40, bias=bias, excluded=heard)
    for query, mine, answer in zip(queries, heard, found, strict=True):
        same(answer, reference.mips(values, query, 40, bias=bias, excluded=mine))


@pytest.mark.parametrize("values", [np.zeros((3, 2)), np.zeros(3, np.float32)])
def test_factors_must_be_a_float32_matrix(values):
    with pytest.raises(ValueError, match=r"factors must be float32 \(n, d\)"):
        Factors(values)


def test_factors_must_be_finite():
    with pytest.raises(ValueError, match=r"factors must be finite, got nan at \(1, 0\)"):
        Factors(f32([[0], [np.nan]]))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"query": f32([1])}, r"query must be float32 \(2,\)"),
        ({"query": f32([1, np.inf])}, "query must be finite"),
        ({"k": 0}, "k must be at least 1"),
        ({"bias": f32([1])}, r"bias must be float32 \(3,\)"),
        ({"eligible": np.ones(2, np.bool_)}, r"eligible must be bool \(3,\)"),
        ({"excluded": np.array([3], np.int32)}, "excluded must be in 0..2, got 3"),
        ({"artist_cap": ArtistCap(np.zeros(2, np.int32), 1)}, r"artists must be int32 \(3,\)"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    asked = {"query": f32([1, 1]), "k": 2} | change

    with pytest.raises(ValueError, match=message):
        mips(Factors(np.zeros((3, 2), np.float32)), **asked)


def test_a_batch_needs_one_list_of_excluded_rows_per_query():
    with pytest.raises(ValueError, match="excluded must have 1 arrays of rows, got 0"):
        mips_batch(Factors(np.zeros((3, 2), np.float32)), f32([[1, 1]]), 1, excluded=[])


@pytest.mark.parametrize("artists, cap", [([0, -2], 1), ([0, 1], 0)])
def test_a_cap_that_does_not_fit_is_refused(artists, cap):
    with pytest.raises(ValueError, match="must be at least"):
        ArtistCap(np.array(artists, np.int32), cap)


@pytest.mark.parametrize("row, query", [(1e-25, 1.0), (1.0, 1e-25), (1e-20, 1e-15)])
def test_numbers_whose_squares_are_nothing_in_float32(row, query):
    """Norms are bounds: one that is taken for 0 would pass over the best row."""
    values = np.full((2_000, 3), -row, np.float32)
    values[1_700] *= 2

    rows, _ = mips(Factors(values), np.array([-query, 0, 0], np.float32), 3)

    assert [1_700, 0, 1] == rows.tolist()
