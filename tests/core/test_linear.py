import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from core import reference
from core.ease import ease
from core.linear import ItemWeights, contributions, fit, fit_bytes, score, truncate

STRENGTH = st.floats(-2, 2, width=32)


def f32(values):
    return np.array(values, np.float32)


def i32(values):
    return np.array(values, np.int32)


def item_weights(dense):
    matrix = csr_array(np.asarray(dense, np.float32))
    return ItemWeights(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)


def to_dense(weights):
    arrays_ = weights.values, weights.indices, weights.indptr
    return csr_array(arrays_, shape=(weights.n, weights.n)).toarray()


@st.composite
def questions(draw):
    n, h = draw(st.integers(1, 12)), draw(st.integers(0, 8))
    values = st.floats(-2, 2, width=32) | st.just(0.0)
    weights = item_weights(draw(arrays(np.float32, (n, n), elements=values)))
    rows = draw(arrays(np.int32, h, elements=st.integers(0, n - 1)))  # may repeat
    return weights, rows, draw(arrays(np.float32, h, elements=STRENGTH))


def checkerboard(users=12, tracks=10):
    """Even users hear even tracks, odd users odd ones; user u still lacks track u % tracks."""
    board = (np.add.outer(np.arange(users), np.arange(tracks)) % 2 == 0).astype(np.float32)
    board[np.arange(users), np.arange(users) % tracks] = 0
    return csr_array(board)


def test_on_a_checkerboard_the_one_track_missing_of_the_own_colour_comes_first():
    interactions = checkerboard()
    weights = fit(interactions, l2=1.0, popularity_exponent=0.2, neighbours=10)
    best = []
    for user in range(12):
        heard = interactions[[user]].indices.astype(np.int32)
        scores = score(weights, heard, np.ones(heard.size, np.float32))
        scores[heard] = -np.inf
        best.append(int(scores.argmax()))

    assert [user % 10 for user in range(12)] == best


def test_frozen_answer():
    """By hand: X'X + I = [[4, 2, 1], [2, 3, 0], [1, 0, 2]], whose inverse times 13 is
    [[6, -4, -3], [-4, 7, 2], [-3, 2, 8]]; columns over the square roots of 3, 2 and 1 listeners.
    """
    interactions = csr_array(f32([[1, 1, 0], [1, 0, 1], [1, 1, 0]]))
    weights = fit(interactions, l2=1.0, popularity_exponent=0.5, neighbours=2)

    np.testing.assert_allclose(
        to_dense(weights),
        [[0, 4 / 7, 3 / 8], [4 / 6, 0, -2 / 8], [3 / 6, -2 / 7, 0]] / np.sqrt([3, 2, 1]),
        atol=1e-6,
    )


def test_fit_is_ease_damped_by_popularity_over_the_tracks_somebody_heard():
    rng = np.random.default_rng(0)
    x = (rng.random((60, 25)) < 0.2).astype(np.float32)
    x[:, [0, 7, 24]] = 0
    listeners = np.maximum((x != 0).sum(axis=0), 1)
    weights = fit(csr_array(x), l2=3.0, popularity_exponent=0.2, neighbours=25)
    expected = reference.ease(csr_array(x), l2=3.0) * listeners**-0.2

    np.testing.assert_allclose(to_dense(weights), expected, atol=1e-6)


def test_rows_and_columns_of_tracks_without_a_listener_are_empty():
    """A stored 0 is no listener either."""
    heard = csr_array((f32([1, 1, 0]), [0, 2, 3], [0, 2, 3]), shape=(2, 5))
    weights = fit(heard, l2=1.0, popularity_exponent=0.2, neighbours=5)

    assert [0, 1, 1, 2, 2, 2] == weights.indptr.tolist()
    assert [2, 0] == weights.indices.tolist()


def test_nobody_heard_anything():
    weights = fit(csr_array((3, 4), dtype=np.float32), l2=1.0, popularity_exponent=0, neighbours=2)

    assert (4, 0) == (weights.n, weights.values.size)


def test_truncate_keeps_the_strongest_of_every_row_whatever_their_sign():
    dense = f32([[0, -3, 2], [1, 0, 1], [5, -6, 0]])
    weights = truncate(dense, 1, tracks=i32([0, 2, 3]), n=5)

    np.testing.assert_array_equal(
        to_dense(weights)[:4, :4],  # the tie of the second row goes to the lower column
        f32([[0, 0, -3, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, -6, 0]]),
    )
    assert 5 == weights.n


@settings(max_examples=500)
@given(
    dense=st.integers(0, 9).flatmap(lambda n: arrays(np.float32, (n, n), elements=STRENGTH)),
    neighbours=st.integers(1, 10),
)
def test_truncate_keeps_a_row_or_its_strongest(dense, neighbours):
    n = len(dense)
    weights = truncate(dense, neighbours, tracks=np.arange(n, dtype=np.int32), n=n)
    for row, whole in zip(to_dense(weights), dense, strict=True):
        strongest = np.sort(np.abs(whole))[::-1][:neighbours]

        np.testing.assert_array_equal(np.sort(np.abs(row))[::-1][:neighbours], strongest)
        assert set(row) <= {*whole, 0}


@settings(max_examples=500)
@given(
    dense=st.integers(1, 7).flatmap(lambda n: arrays(np.float32, (n, n), elements=STRENGTH)),
    neighbours=st.integers(1, 8),
    threads=st.integers(1, 3),
    choose=st.data(),
)
def test_truncate_matches_reference(dense, neighbours, threads, choose):
    chosen = choose.draw(st.sets(st.integers(0, 9), min_size=len(dense), max_size=len(dense)))
    options = {"tracks": i32(sorted(chosen)), "n": 10}

    ours = truncate(dense, neighbours, **options, threads=threads)

    theirs = reference.truncate(dense, neighbours, **options)
    for name in ("indptr", "indices", "values"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_score_known_answer():
    weights = item_weights([[0, 2, 0], [1, 0, 0], [0, 4, 0]])

    assert [-1, 10, 0] == score(weights, i32([0, 1, 2]), f32([1, -1, 2])).tolist()


def test_contributions_add_up_to_the_score():
    rng = np.random.default_rng(0)
    weights = item_weights(rng.random((30, 30)) * (rng.random((30, 30)) < 0.4))
    rows, strengths = np.arange(0, 30, 3, dtype=np.int32), rng.random(10, np.float32)
    total = contributions(weights, rows, strengths, np.arange(30, dtype=np.int32)).sum(axis=1)

    np.testing.assert_allclose(total, score(weights, rows, strengths), rtol=1e-5)


@settings(max_examples=500)
@given(question=questions())
def test_score_matches_reference_to_the_bit(question):
    np.testing.assert_array_equal(score(*question), reference.score(*question), strict=True)


@settings(max_examples=500)
@given(question=questions(), choose=st.data())
def test_contributions_match_reference_to_the_bit(question, choose):
    targets = i32(choose.draw(st.lists(st.integers(0, question[0].n - 1), max_size=4)))

    np.testing.assert_array_equal(
        contributions(*question, targets), reference.contributions(*question, targets), strict=True
    )


WEIGHTS = item_weights([[0, 2], [1, 0]])


@pytest.mark.parametrize(
    "rows, strengths, targets, message",
    [
        (i32([2]), f32([1]), i32([0]), r"rows must be in 0\.\.1, got 2"),
        (i32([-1]), f32([1]), i32([0]), r"rows must be in 0\.\.1, got -1"),
        (np.zeros(1), f32([1]), i32([0]), r"rows must be int32 \(h,\)"),
        (i32([0]), f32([1, 2]), i32([0]), r"strengths must be float32 \(1,\)"),
        (i32([0]), f32([np.nan]), i32([0]), "strengths must be finite"),
        (i32([0]), f32([1]), i32([2]), r"targets must be in 0\.\.1, got 2"),
        (i32([0]), f32([1]), i32([-1]), r"targets must be in 0\.\.1, got -1"),
    ],
)
def test_what_does_not_fit_is_refused(rows, strengths, targets, message):
    with pytest.raises(ValueError, match=message):
        contributions(WEIGHTS, rows, strengths, targets)


def test_a_score_is_as_long_as_it_is_told():
    found = score(WEIGHTS, i32([0]), f32([2]), size=3)

    np.testing.assert_array_equal(f32([0, 4, 0]), found)
    with pytest.raises(ValueError, match="size must be at least 2, got 1"):
        score(WEIGHTS, i32([0]), f32([2]), size=1)


def test_score_refuses_a_row_outside():
    with pytest.raises(ValueError, match=r"rows must be in 0\.\.1, got 2"):
        score(WEIGHTS, i32([2]), f32([1]))


@pytest.mark.parametrize(
    "arrays_, message",
    [
        ((np.array([0, 1]), i32([1]), f32([1])), r"columns must be in 0\.\.0, got 1"),
        ((np.array([0, 1]), i32([0]), f32([1, 2])), r"values must be float32 \(1,\)"),
        ((np.array([0, 1]), i32([0]), f32([np.nan])), "values must be finite"),
        ((np.array([0, 1], np.int32), i32([0]), f32([1])), r"indptr must be int64"),
    ],
)
def test_broken_weights_cannot_be_made(arrays_, message):
    with pytest.raises(ValueError, match=message):
        ItemWeights(*arrays_)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"neighbours": 0}, "neighbours must be at least 1"),
        ({"popularity_exponent": np.nan}, "popularity_exponent must be finite"),
        ({"l2": -1.0}, "l2 must be above 0"),
    ],
)
def test_fit_refuses_an_option_that_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        fit(checkerboard(), **({"l2": 1.0, "popularity_exponent": 0, "neighbours": 3} | change))


def test_truncate_refuses_a_matrix_that_does_not_fit_its_tracks():
    with pytest.raises(ValueError, match=r"dense must be float32 \(2, 2\), got float32 \(3, 3\)"):
        truncate(np.zeros((3, 3), np.float32), 1, tracks=i32([0, 1]), n=4)


def test_popularity_exponent_zero_leaves_ease_as_it_is():
    weights = fit(checkerboard(), l2=1.0, popularity_exponent=0, neighbours=10)

    np.testing.assert_allclose(to_dense(weights), ease(checkerboard(), l2=1.0), atol=1e-7)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_weight(threads):
    dense = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
    rows = np.arange(300, dtype=np.int32)
    weights = truncate(dense, 40, tracks=rows, n=300, threads=threads)
    expected = np.where(np.abs(dense) >= np.sort(np.abs(dense))[:, [-40]], dense, 0)

    np.testing.assert_array_equal(expected, to_dense(weights))


def test_weights_say_what_they_weigh():
    assert 4 * 8 + 2 * 4 + 2 * 4 == item_weights([[0, 2, 0], [0, 0, 0], [0, 4, 0]]).nbytes


@pytest.mark.parametrize("users, tracks", [(3000, 700), (400, 1500)])
@pytest.mark.parametrize("neighbours", [20, 2000])
def test_a_fit_stays_within_its_bytes(users, tracks, neighbours):
    rng = np.random.default_rng(0)
    interactions = csr_array((rng.random((users, tracks)) < 0.05).astype(np.float32))
    options = {"l2": 100.0, "popularity_exponent": 0.2, "neighbours": neighbours}
    bound = fit_bytes(users, tracks, interactions.nnz, neighbours=neighbours)
    fit(interactions, **options)
    tracemalloc.start()
    fit(interactions, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert bound / 2.5 < peak <= bound


def test_a_fit_that_may_take_too_much_is_refused_before_it_starts():
    with pytest.raises(ValueError, match=r"10 tracks may take \d+ bytes, max_bytes is 400"):
        fit(checkerboard(), l2=1.0, popularity_exponent=0, neighbours=3, max_bytes=400)
