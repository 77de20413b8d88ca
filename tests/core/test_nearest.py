import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.quantised import Quantised
from core.similarity import similar, similar_batch
from core.tiles import TILE

UNIT = st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.5, 1.0, np.nan])
WEIGHT = st.floats(0, 4, width=32) | st.sampled_from([0.0, 1e-45, 1e-38, 3e37])
TARGET = UNIT | st.floats(-3, 3, width=32) | st.sampled_from([3e38])
SCORE = st.floats(-2, 2, width=32) | st.sampled_from([0.0, -np.inf, np.inf, np.nan])


def f32(values):
    return np.array(values, np.float32)


def same(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@st.composite
def questions(draw):
    d, n = draw(st.integers(1, 9)), draw(st.integers(0, 300))
    weights = draw(arrays(np.float32, d, elements=WEIGHT))
    weights[draw(st.integers(0, d - 1))] = 0.25
    seed = draw(st.integers(0, 2**32 - 1))
    features = np.random.default_rng(seed).random((d, n), np.float32)
    if draw(st.booleans()):
        features = np.round(features, 1)  # ties
    lacking = draw(st.sampled_from([0.0, 0.1, 0.9]))
    features[np.random.default_rng(seed).random((d, n)) < lacking] = np.nan
    return features, draw(arrays(np.float32, d, elements=TARGET)), weights


def test_known_answer():
    """Row 2 lacks the second feature, so the first decides alone; row 3 has neither."""
    features = f32([[0.0, 0.5, 1.0, np.nan], [0.0, 0.5, np.nan, np.nan]])
    rows, scores = similar(Quantised(features), f32([1.0, 0.5]), f32([3.0, 1.0]), 4)

    assert [2, 1, 0] == rows.tolist()
    assert [1.0, 0.625, 0.125] == scores.tolist()


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
@settings(max_examples=700)
@given(question=questions(), k=st.integers(1, 400), choose=st.data())
def test_matches_reference_to_the_bit(question, k, choose):
    n = question[0].shape[1]
    eligible = choose.draw(st.none() | arrays(np.bool_, n))
    bias = choose.draw(st.none() | arrays(np.float32, n, elements=SCORE))
    asked = question[1][None], question[2][None]
    found = similar_batch(Quantised(question[0]), *asked, k, eligible=eligible, bias=bias)[0]

    same(found, reference.similar(*question, k, eligible=eligible, bias=bias))


def hostile(name, n):
    rng = np.random.default_rng(1)
    features = rng.random((6, n), np.float32)
    if name == "ascending":
        features = features[:, np.argsort(features.sum(axis=0))]
    if name == "equal":
        features[:] = 0.3
    if name == "few values":
        features = np.round(features, 1)
    if name == "clustered":
        features = features[:, :5][:, rng.integers(0, 5, n)] + rng.random((6, n), np.float32) / 1e4
        features = features.clip(0, 1)
    if name == "missing":
        features[rng.random(features.shape) < 0.1] = np.nan
    if name == "all missing":
        features[:] = np.nan
    if name == "one step":
        features = (0.5 + features / 1000).astype(np.float32)
    return np.ascontiguousarray(features)


NAMES = (
    "random",
    "ascending",
    "equal",
    "few values",
    "clustered",
    "missing",
    "all missing",
    "one step",
)


@pytest.mark.parametrize("extra", ["plain", "priced", "few eligible", "none eligible"])
@pytest.mark.parametrize("name", NAMES)
def test_matches_reference_over_many_tiles(name, extra):
    """More tiles than the sample has, an odd last one, and k small, middling and n."""
    n = 300 * TILE + 5
    features, rng = hostile(name, n), np.random.default_rng(2)
    catalogue, weights = Quantised(features), f32([0.2, 0.25, 0.2, 0.15, 0.1, 0.1])
    bias = -rng.random(n, np.float32) if extra == "priced" else None
    eligible = {"few eligible": rng.random(n) < 0.01, "none eligible": np.zeros(n, np.bool_)}
    for target in (np.ones(6, np.float32), rng.random(6, np.float32)):
        question = {"bias": bias, "eligible": eligible.get(extra)}
        for k in (1, 50, 700, n):
            plain = similar(features, target, weights, k, **question)
            same(similar(catalogue, target, weights, k, **question), plain)
            asked = target[None], weights[None]
            same(similar_batch(catalogue, *asked, k, **question)[0], plain)


def test_a_batch_answers_each_as_if_it_were_alone():
    rng = np.random.default_rng(3)
    features = hostile("missing", 200 * TILE)
    targets, weights = rng.random((7, 6), np.float32), rng.random((7, 6), np.float32)
    targets[3, 2] = np.nan
    bias = rng.random(200 * TILE, np.float32)
    for options in ({}, {"bias": bias}):
        found = similar_batch(Quantised(features), targets, weights, 30, **options)
        for target, of_target, answer in zip(targets, weights, found, strict=True):
            same(answer, similar(features, target, of_target, 30, **options))


def test_no_query_gets_no_answer():
    none = np.empty((0, 2), np.float32)

    assert [] == similar_batch(Quantised(np.zeros((2, 3), np.float32)), none, none, 5)


@pytest.mark.parametrize(
    "features, message",
    [
        (np.zeros((2, 3)), r"features must be float32 \(d, n\)"),
        (np.zeros((2, 3), np.float32, order="F"), "features must be C-contiguous"),
        (f32([[0, 0], [0, 1.5]]), r"features must be in 0..1 or NaN, got 1.5 at \(1, 1\)"),
        (f32([[0, -np.inf]]), "features must be in 0..1 or NaN"),
    ],
)
def test_features_that_do_not_fit_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        Quantised(features)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"targets": f32([[1]])}, r"targets must be float32 \(1, 2\)"),
        ({"targets": f32([1, 1])}, r"targets must be float32 \(2, 2\)"),
        ({"targets": np.array(1, np.float32)}, r"targets must be float32 \(2,\)"),
        ({"weights": f32([[1, -1]])}, "weights must not be negative"),
        ({"targets": f32([[1, np.inf]])}, "target must be finite or NaN"),
        ({"weights": f32([[1, np.nan]])}, "weights must be finite"),
        ({"weights": f32([[0, 0]])}, "sum must be above 0"),
        ({"weights": f32([[1, 1], [1, 1]])}, r"weights must be float32 \(1, 2\)"),
        ({"k": 0}, "k must be at least 1"),
        ({"eligible": np.ones(3, np.bool_)}, r"eligible must be bool \(4,\)"),
        ({"bias": f32([0])}, r"bias must be float32 \(4,\)"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    catalogue = Quantised(np.zeros((2, 4), np.float32))
    asked = {"targets": f32([[0, 1]]), "weights": f32([[1, 1]]), "k": 1} | change

    with pytest.raises(ValueError, match=message):
        similar_batch(catalogue, **asked)
