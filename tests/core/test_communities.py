import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from core import reference
from core.communities import communities, lengths
from core.histories import histories
from core.neighbours import ByTrack, cosine


def f32(values):
    return np.array(values, np.float32)


def by_track(interactions):
    turned = histories(interactions)[1]
    return ByTrack(turned.indptr, turned.columns, turned.strengths)


def sparse(users, tracks, share, seed=0):
    rng = np.random.default_rng(seed)
    strengths = rng.integers(1, 4, (users, tracks)) * (rng.random((users, tracks)) < share)
    return csr_array(strengths.astype(np.float32))


HISTORIES = csr_array(f32([[3, 4, 0], [0, 1, 0], [0, 0, 2], [0, 0, 0], [4, 3, 0]]))


def test_known_answer():
    rows, similarities = communities(HISTORIES, 2)

    assert [[4, 1], [0, 4], [-1, -1], [-1, -1], [0, 1]] == rows.tolist()
    np.testing.assert_allclose(
        similarities, [[24 / 25, 4 / 5], [4 / 5, 3 / 5], [0, 0], [0, 0], [24 / 25, 3 / 5]]
    )


def test_too_small_an_overlap_or_similarity_is_no_neighbour():
    rows, _ = communities(HISTORIES, 2, min_overlap=2)
    assert [[4, -1], [-1, -1], [-1, -1], [-1, -1], [0, -1]] == rows.tolist()

    rows, _ = communities(HISTORIES, 2, min_similarity=0.7)
    assert [[4, 1], [0, -1], [-1, -1], [-1, -1], [0, -1]] == rows.tolist()


STRENGTH = st.sampled_from([0, 0, 1, 1, 0.3, -0.5])


@settings(max_examples=500)
@given(
    dense=st.tuples(st.integers(0, 8), st.integers(1, 8)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=STRENGTH)
    ),
    lonely=st.sampled_from([0, 200]),
    options=st.fixed_dictionaries(
        {
            "k": st.integers(1, 10),
            "min_overlap": st.integers(1, 3),
            "min_similarity": st.sampled_from([0.0, 0.5, 1.0]),
        }
    ),
)
def test_matches_reference_to_the_bit(dense, lonely, options):
    """With `lonely` users who heard nothing the way for few entries is taken, else the other."""
    interactions = csr_array(np.vstack([dense, np.zeros((lonely, dense.shape[1]), np.float32)]))
    expected = reference.communities(by_track(interactions), interactions, **options)

    for ours, theirs in zip(communities(interactions, **options), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize("share", [0.004, 0.3])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_cosine_for_everybody_to_the_bit(share, threads):
    interactions = sparse(500, 90, share)
    norms = lengths(histories(interactions)[0])
    rows, similarities = communities(interactions, 10, threads=threads)
    for user in range(500):
        of_user = interactions[[user]]
        history = of_user.indices.astype(np.int32), of_user.data
        alike = cosine(by_track(interactions), norms, *history) if user % 50 == 0 else None
        if alike is not None:
            alike[user] = 0
            expected = np.sort(alike)[::-1][:10]
            found = rows[user] >= 0

            np.testing.assert_array_equal(expected, similarities[user])
            np.testing.assert_array_equal(alike[rows[user][found]], similarities[user][found])


def test_the_number_of_threads_changes_no_bit():
    interactions = sparse(700, 60, 0.1, seed=3)
    one, two = (communities(interactions, 7, min_overlap=2, threads=count) for count in (1, 2))

    for ours, theirs in zip(one, two, strict=True):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"k": 0}, "k must be at least 1"),
        ({"min_overlap": 0}, "min_overlap must be at least 1"),
        ({"min_similarity": 1.5}, r"min_similarity must be in 0\.\.1, got 1.5"),
        ({"min_similarity": np.nan}, r"min_similarity must be in 0\.\.1, got nan"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"interactions": csr_array(np.eye(3))}, "interactions must be float32 csr"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        communities(**({"interactions": HISTORIES, "k": 3} | change))
