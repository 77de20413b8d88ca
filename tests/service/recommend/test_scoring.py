"""Parts into one score: what serving, training and evaluation share."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.reference import blend
from service.domain import Part
from service.model.version import BlendWeights
from service.recommend.scoring import WITHOUT_COLLABORATIVE, combine, shares, total_of, weights_for
from tests.service.given import catalogue, model, track

WEIGHTS = BlendWeights(collaborative=1.0, artist=0.5, genre=0.1, audio=0.2, trending=0.3)
SCORE = st.floats(-10, 10, width=32) | st.just(np.float32(np.nan))
PARTS = st.integers(1, 30).flatmap(
    lambda size: st.dictionaries(
        st.sampled_from(["collaborative", "artist", "audio", "trending"]),
        arrays(np.float32, size, elements=SCORE),
        min_size=1,
    )
)


def featureless(size: int) -> np.ndarray:
    return np.empty((size, 0), np.float32)


def size_of(parts) -> int:
    return len(next(iter(parts.values())))


@given(PARTS)
def test_the_score_is_the_blend_of_the_kernel_with_the_weight_of_each_part(parts) -> None:
    picked = np.array([getattr(WEIGHTS, name) for name in parts], np.float32)

    expected = blend(np.stack(list(parts.values())), picked)

    found = combine(parts, WEIGHTS, size_of(parts))

    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@example({"collaborative": np.array([0, 1e-45], np.float32)})
@given(PARTS)
def test_the_shares_of_a_row_sum_to_its_score(parts) -> None:
    rows = np.arange(len(next(iter(parts.values()))), dtype=np.int32)

    total = total_of(parts, WEIGHTS, featureless(size_of(parts)))

    added = shares(total, rows)[1].sum(axis=0)

    np.testing.assert_allclose(np.nan_to_num(total.at(rows)), added, atol=1e-4)


def test_shares_come_in_the_order_of_the_parts_and_of_the_rows() -> None:
    parts: dict[Part, NDArray[np.float32]] = {
        "trending": np.array([0, 0, 3], np.float32),
        "artist": np.array([2, 0, np.nan], np.float32),
    }

    _, added = shares(total_of(parts, WEIGHTS, featureless(3)), np.array([2, 0], np.int32))

    assert added[0, 0] > 0 > added[0, 1]
    assert (0.0, 0.5) == (added[1, 0], added[1, 1])


def test_the_weights_of_the_model_count_only_beside_its_own_part() -> None:
    fitted = model(catalogue(track("a")), [], blend=WEIGHTS)
    scores = np.ones(1, np.float32)

    assert WEIGHTS == weights_for({"collaborative": scores, "artist": scores}, fitted)
    assert WITHOUT_COLLABORATIVE == weights_for({"artist": scores}, fitted)
    assert WITHOUT_COLLABORATIVE == weights_for({"collaborative": scores}, None)


def test_a_row_no_part_speaks_of_has_no_score() -> None:
    scores = np.array([1, np.nan], np.float32)

    assert [False, True] == np.isnan(combine({"audio": scores}, WEIGHTS, 2)).tolist()
