import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from core import reference
from core.neighbours import ByTrack, cosine


def f32(values):
    return np.array(values, np.float32)


def i32(values):
    return np.array(values, np.int32)


def by_track(histories):
    """From a dense (users, n) matrix, with the norms of the users."""
    matrix = csr_array(np.asarray(histories, np.float32).T)
    norms = np.linalg.norm(histories, axis=1).astype(np.float32)
    arrays_ = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
    return ByTrack(*arrays_), norms


HISTORIES = f32([[3, 4, 0], [0, 1, 0], [0, 0, 2], [0, 0, 0]])
BY_TRACK, NORMS = by_track(HISTORIES)


def test_known_answer():
    np.testing.assert_allclose(
        cosine(BY_TRACK, NORMS, i32([1, 0]), f32([4, 3])), [1, 0.8, 0, 0], rtol=1e-6
    )


def test_too_small_an_overlap_is_zero():
    alike = cosine(BY_TRACK, NORMS, i32([0, 1]), f32([3, 4]), min_overlap=2)

    assert [1, 0, 0, 0] == alike.tolist()


def test_a_listener_without_strength_is_like_nobody():
    assert not cosine(BY_TRACK, NORMS, i32([0, 1]), f32([0, 0])).any()
    assert not cosine(BY_TRACK, NORMS, i32([]), f32([])).any()


@settings(max_examples=500)
@given(
    histories=st.tuples(st.integers(0, 8), st.integers(1, 8)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=st.sampled_from([0, 0, 1, 0.3, -0.5]))
    ),
    min_overlap=st.integers(1, 3),
    choose=st.data(),
)
def test_matches_reference_to_the_bit(histories, min_overlap, choose):
    transposed, norms = by_track(histories)
    rows = choose.draw(st.lists(st.integers(0, histories.shape[1] - 1), unique=True))
    strength = st.floats(-2, 2, width=32)
    question = i32(rows), choose.draw(arrays(np.float32, len(rows), elements=strength))

    np.testing.assert_array_equal(
        cosine(transposed, norms, *question, min_overlap=min_overlap),
        reference.cosine(transposed, norms, *question, min_overlap=min_overlap),
        strict=True,
    )


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rows": i32([3])}, r"rows must be in 0\.\.2, got 3"),
        ({"rows": i32([1, 1]), "strengths": f32([1, 1])}, "rows must not repeat"),
        ({"strengths": f32([np.inf])}, "strengths must be finite"),
        ({"norms": NORMS[:2]}, "norms must cover 3 users, got 2"),
        ({"norms": -NORMS}, "norms must not be negative, got -5.0"),
        ({"norms": NORMS.astype(np.float64)}, r"norms must be float32 \(users,\)"),
        ({"min_overlap": 0}, "min_overlap must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    question = {"by_track": BY_TRACK, "norms": NORMS, "rows": i32([0]), "strengths": f32([1])}

    with pytest.raises(ValueError, match=message):
        cosine(**(question | change))


def test_a_broken_transpose_cannot_be_made():
    with pytest.raises(ValueError, match="columns must ascend within a row, row 0 does not"):
        ByTrack(np.array([0, 2]), i32([1, 0]), f32([1, 1]))
