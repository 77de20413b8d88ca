import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.gaps import BLOCK
from core.similarity import similar, similarities

UNIT = st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.5, 1.0, np.nan])
WEIGHT = st.floats(0, 4, width=32) | st.just(0.0)


@st.composite
def questions(draw):
    d, n = draw(st.integers(1, 9)), draw(st.integers(0, 40))
    weights = draw(arrays(np.float32, d, elements=WEIGHT))
    weights[draw(st.integers(0, d - 1))] = 0.25
    return (
        draw(arrays(np.float32, (d, n), elements=UNIT)),
        draw(arrays(np.float32, d, elements=UNIT)),
        weights,
    )


def f32(values):
    return np.array(values, np.float32)


FEATURES = f32([[0.0, 0.5, 1.0, np.nan], [0.0, 0.5, np.nan, np.nan]])
TARGET, WEIGHTS = f32([1.0, 0.5]), f32([3.0, 1.0])


def test_known_answer():
    """Row 2 lacks the second feature, so the first decides alone; row 3 has neither."""
    np.testing.assert_array_equal(
        similarities(FEATURES, TARGET, WEIGHTS), f32([0.125, 0.625, 1.0, np.nan])
    )


def test_a_row_equal_to_the_target_is_exactly_one_whatever_it_lacks():
    rng = np.random.default_rng(0)
    features = rng.random((9, 500), np.float32)
    features[rng.random(features.shape) < 0.3] = np.nan
    weights = rng.random(9, np.float32)
    own = [similarities(features, features[:, row].copy(), weights)[row] for row in range(500)]

    assert {1.0} == set(own)


def test_a_feature_of_weight_zero_is_not_looked_at():
    features, target = f32([[0.2, 0.4], [np.nan, 0.9]]), f32([0.2, 0.1])
    alone = similarities(features[:1], target[:1], f32([1]))

    np.testing.assert_array_equal(alone, similarities(features, target, f32([1, 0])))


def test_similar_orders_by_similarity_plus_bias_over_eligible_rows():
    rows, scores = similar(
        FEATURES,
        TARGET,
        WEIGHTS,
        3,
        eligible=np.array([True, True, False, True]),
        bias=f32([0.75, 0.0, 9.0, 9.0]),
    )

    assert [0, 1] == rows.tolist()
    assert [0.875, 0.625] == scores.tolist()


@settings(max_examples=500)
@given(question=questions())
def test_similarities_match_reference_to_the_bit(question):
    np.testing.assert_array_equal(
        similarities(*question), reference.similarities(*question), strict=True
    )


@settings(max_examples=500)
@given(question=questions(), k=st.integers(1, 50), choose=st.data())
def test_similar_matches_reference_to_the_bit(question, k, choose):
    n = question[0].shape[1]
    eligible = choose.draw(st.none() | arrays(np.bool_, n))
    scores = st.floats(-2, 2, width=32) | st.sampled_from([0.0, -np.inf, np.nan])
    bias = choose.draw(st.none() | arrays(np.float32, n, elements=scores))
    found = similar(*question, k, eligible=eligible, bias=bias)
    expected = reference.similar(*question, k, eligible=eligible, bias=bias)

    np.testing.assert_array_equal(found[0], expected[0], strict=True)
    np.testing.assert_array_equal(found[1], expected[1], strict=True)


def test_similar_matches_reference_over_many_blocks():
    rng = np.random.default_rng(1)
    features = np.round(rng.random((6, 3 * BLOCK + 5), np.float32), 1)  # many ties
    features[rng.random(features.shape) < 0.1] = np.nan
    target, weights = rng.random(6, np.float32), rng.random(6, np.float32)
    found = similar(features, target, weights, 700)
    expected = reference.similar(features, target, weights, 700)

    np.testing.assert_array_equal(found[0], expected[0], strict=True)
    np.testing.assert_array_equal(found[1], expected[1], strict=True)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"features": FEATURES.astype(np.float64)}, r"features must be float32 \(d, n\)"),
        ({"features": np.asfortranarray(FEATURES)}, "features must be C-contiguous"),
        ({"target": f32([1])}, r"target must be float32 \(2,\)"),
        ({"target": f32([1, np.inf])}, "target must be finite or NaN"),
        ({"weights": f32([1, np.nan])}, "weights must be finite"),
        ({"weights": f32([2, -1])}, "weights must not be negative"),
        ({"weights": f32([0, 0])}, "sum must be above 0"),
        ({"weights": f32([3e38, 3e38])}, "sum must be above 0 and finite"),
        ({"k": 0}, "k must be at least 1"),
        ({"eligible": np.ones(3, np.bool_)}, r"eligible must be bool \(4,\)"),
        ({"bias": f32([0])}, r"bias must be float32 \(4,\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in reduce")
def test_what_does_not_fit_is_refused(change, message):
    question = {"features": FEATURES, "target": TARGET, "weights": WEIGHTS, "k": 1} | change

    with pytest.raises(ValueError, match=message):
        similar(**question)
