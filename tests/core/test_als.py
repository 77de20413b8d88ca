import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from core import reference_factors
from core.als import fit, fold_in, gram, improve, loss, penalty
from core.histories import Histories, histories

VALUE = st.floats(-2, 2, width=32)


def f32(values):
    return np.array(values, np.float32)


def i32(values):
    return np.array(values, np.int32)


def listens(users=60, tracks=40, seed=0):
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 4, (users, tracks)) * (rng.random((users, tracks)) < 0.2)
    return csr_array(dense.astype(np.float32))


def checkerboard(users=12, tracks=10):
    """Even users hear even tracks, odd users odd ones; user u still lacks track u % tracks."""
    board = (np.add.outer(np.arange(users), np.arange(tracks)) % 2 == 0).astype(np.float32)
    board[np.arange(users), np.arange(users) % tracks] = 0
    return csr_array(board)


def fitted(interactions, **options):
    rng = np.random.default_rng(1)
    return fit(interactions, **({"dimensions": 8, "rng": rng} | options))


def test_known_answer():
    """One listener, one track, y = 2, r = 3: x minimises 4 (1 - 2x)² + x², so x = 8 / 17."""
    rows = np.zeros((1, 1), np.float32)
    only = Histories(np.array([0, 1]), i32([0]), f32([3]))
    improve(rows, f32([[2]]), only, l2=1.0)

    np.testing.assert_allclose(rows, [[8 / 17]], rtol=1e-6)


def test_on_a_checkerboard_the_one_track_missing_of_the_own_colour_comes_first():
    interactions = checkerboard()
    users, tracks = fitted(interactions, dimensions=2)
    scores = users @ tracks.T
    scores[interactions.toarray() > 0] = -np.inf

    assert [user % 10 for user in range(12)] == scores.argmax(axis=1).tolist()


@st.composite
def problems(draw):
    n, m, d = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 35))
    values = VALUE | st.just(0.0)
    sides = csr_array(draw(arrays(np.float32, (n, m), elements=values)))
    rows, fixed = (draw(arrays(np.float32, (size, d), elements=VALUE)) for size in (n, m))
    return histories(sides)[0], rows, fixed


@settings(max_examples=500)
@given(problem=problems(), alpha=st.sampled_from([0.5, 40.0]), cg_steps=st.integers(1, 4))
def test_improve_matches_reference_to_the_bit(problem, alpha, cg_steps):
    given_histories, rows, fixed = problem
    ours, twin = rows.copy(), rows.copy()
    options = {"alpha": alpha, "l2": 0.1, "cg_steps": cg_steps}
    improve(ours, fixed, given_histories, **options)
    reference_factors.improve(twin, fixed, given_histories, **options)

    np.testing.assert_array_equal(ours, twin)


@settings(max_examples=500)
@given(problem=problems(), choose=st.data())
def test_fold_in_is_improve_from_zero(problem, choose):
    given_histories, rows, fixed = problem
    row = choose.draw(st.integers(0, len(rows) - 1))
    of_row = slice(given_histories.indptr[row], given_histories.indptr[row + 1])
    history = given_histories.columns[of_row], given_histories.strengths[of_row]
    expected = np.zeros_like(rows)
    reference_factors.improve(expected, fixed, given_histories, alpha=2.0, l2=0.1, cg_steps=5)

    np.testing.assert_array_equal(
        fold_in(fixed, penalty(gram(fixed), 0.1), *history, alpha=2.0, cg_steps=5), expected[row]
    )


def test_a_folded_in_listener_is_the_least_squares_answer():
    interactions = listens(300, 200)
    _, tracks = fitted(interactions, dimensions=24, alpha=5.0)
    square = gram(tracks)
    for user in range(300):
        row = interactions[[user]]
        history = row.indices.astype(np.int32), row.data
        ours = fold_in(tracks, penalty(square, 0.01), *history, alpha=5.0)
        exact = reference_factors.folded_in(tracks, *history, alpha=5.0, l2=0.01)

        np.testing.assert_allclose(tracks @ ours, tracks @ exact, atol=2e-3)


def test_who_heard_nothing_is_folded_in_as_zero():
    _, tracks = fitted(listens())

    assert not fold_in(tracks, penalty(gram(tracks), 0.01), i32([]), f32([])).any()


@settings(max_examples=500)
@given(problem=problems())
def test_loss_matches_the_sum_over_all_pairs(problem):
    given_histories, rows, fixed = problem
    matrix = csr_array(
        (given_histories.strengths, given_histories.columns, given_histories.indptr),
        shape=(len(rows), len(fixed)),
    )
    expected = reference_factors.loss(rows, fixed, matrix, alpha=3.0, l2=0.2)

    np.testing.assert_allclose(
        loss(rows, fixed, given_histories, alpha=3.0, l2=0.2), expected, rtol=1e-4, atol=1e-3
    )


def test_loss_falls_with_every_iteration():
    interactions = listens()
    by_user, by_track = histories(interactions)
    users, tracks = fitted(interactions, iterations=1)
    losses = []
    for _ in range(8):
        losses.append(loss(users, tracks, by_user))
        improve(users, tracks, by_user)
        improve(tracks, users, by_track)

    assert (np.diff(losses) < 0).all()


def test_a_disliked_track_is_pushed_towards_zero():
    liked = csr_array(f32([[1, 1, 0], [1, 1, 0], [1, -9, 0]]))
    users, tracks = fitted(liked, dimensions=3, alpha=5.0)

    assert users[2] @ tracks[0] > 0.5
    assert abs(users[2] @ tracks[1]) < 0.3


def test_the_number_of_threads_changes_no_bit():
    interactions = listens(3000, 1500, seed=2)
    one, two = (fitted(interactions, iterations=2, threads=threads) for threads in (1, 2))

    for ours, theirs in zip(one, two, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_gram_known_answer():
    assert [[10, 14], [14, 20]] == gram(f32([[1, 2], [3, 4]])).tolist()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"dimensions": 0}, "dimensions must be at least 1"),
        ({"alpha": 0}, "alpha must be above 0"),
        ({"l2": np.nan}, "l2 must be above 0 and finite, got nan"),
        ({"iterations": -1}, "iterations must be at least 0"),
        ({"cg_steps": 0}, "steps must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_fit_refuses_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        fitted(listens(), **change)


def test_fit_refuses_interactions_that_are_not_finite():
    interactions = listens()
    interactions.data[3] = np.inf

    with pytest.raises(ValueError, match="interactions must be finite"):
        fitted(interactions)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rows": np.zeros((2, 2), np.float32)}, r"rows must be float32 \(1, d\)"),
        ({"fixed": f32([[1.0]])}, r"fixed must be float32 \(m, 2\)"),
        ({"fixed": f32([[1.0, np.nan]] * 2)}, "fixed must be finite"),
        ({"fixed": f32([[1.0, 2.0]])}, r"columns must be in 0\.\.0, got 1"),
    ],
)
def test_improve_refuses_what_does_not_fit(change, message):
    question = {
        "rows": np.zeros((1, 2), np.float32),
        "fixed": np.ones((2, 2), np.float32),
        "given": Histories(np.array([0, 1]), i32([1]), f32([1])),
    }
    with pytest.raises(ValueError, match=message):
        improve(**(question | change))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"penalised": np.ones((3, 3), np.float32)}, r"penalised must be float32 \(2, 2\)"),
        ({"rows": i32([3])}, r"rows must be in 0\.\.2, got 3"),
        ({"strengths": f32([np.nan])}, "strengths must be finite"),
    ],
)
def test_fold_in_refuses_what_does_not_fit(change, message):
    tracks = np.ones((3, 2), np.float32)
    question = {"penalised": penalty(gram(tracks), 1.0), "rows": i32([0]), "strengths": f32([1])}
    with pytest.raises(ValueError, match=message):
        fold_in(tracks, **(question | change))


def test_a_penalty_is_added_to_the_diagonal_of_what_is_square_and_finite():
    np.testing.assert_array_equal(penalty(f32([[1, 2], [3, 4]]), 0.5), f32([[1.5, 2], [3, 4.5]]))
    with pytest.raises(ValueError, match="square must be finite"):
        penalty(np.full((2, 2), np.inf, np.float32), 1.0)
    with pytest.raises(ValueError, match="l2 must be above 0"):
        penalty(np.ones((2, 2), np.float32), 0.0)
