import numpy as np
import pytest
from scipy.sparse import csr_array

from service.domain import Track
from service.learn.evaluation import judge, listener_of, parts_of, show, view_of
from service.learn.recipe import DEFAULT, item_weights
from service.model.catalogue import empty_catalogue
from service.model.version import BlendWeights


def view(heard: csr_array):
    tracks = empty_catalogue().with_tracks(
        [
            Track(id=f"t{row}", title=f"Song {row}", artist=f"artist {row // 2}", genres=("x",))
            for row in range(heard.shape[1])
        ]
    )
    return view_of(item_weights(heard, tracks, DEFAULT), heard, tracks, BlendWeights())


@pytest.fixture
def heard() -> csr_array:
    return csr_array((np.random.default_rng(0).random((30, 12)) < 0.4).astype(np.float32))


def test_a_listener_is_a_row_of_the_matrix(heard: csr_array) -> None:
    listener = listener_of(heard, 3)

    assert np.flatnonzero(heard[[3]].toarray()).tolist() == listener.history.rows.tolist()
    assert (listener.history.strengths == 1).all()


def test_lists_leave_out_what_was_heard_and_repeat_nothing(heard: csr_array) -> None:
    shown = show(view(heard), heard, list(range(30)), 5)

    for user, row in enumerate(shown):
        rows = row[row >= 0]
        assert not heard[[user]].toarray()[0, rows].any()
        assert len(set(rows.tolist())) == len(rows) == 5


def test_one_part_alone_is_only_that_part(heard: csr_array) -> None:
    state = view(heard)

    assert ["genre"] == list(parts_of(state, listener_of(heard, 0), "genre"))
    np.testing.assert_array_equal(
        show(state, heard, [0, 1], 4, only="trending")[:, :1],
        [[best(state.trending, heard, user)] for user in (0, 1)],
    )


def test_content_alone_knows_no_listener_and_finds_a_track_nobody_heard() -> None:
    heard = csr_array(np.array([[1, 0, 0, 0], [1, 0, 1, 1]], np.float32))

    state = view(heard)

    assert {"artist", "genre"} == parts_of(state, listener_of(heard, 0), "content").keys()
    assert [1] == show(state, heard, [0], 1, only="content")[0].tolist()
    assert [1] != show(state, heard, [0], 1, only="collaborative")[0].tolist()


def best(scores: np.ndarray, heard: csr_array, user: int) -> int:
    return int(np.argmax(np.where(heard[[user]].toarray()[0] > 0, -np.inf, scores)))


def test_judging_a_perfect_and_an_empty_list() -> None:
    truth = csr_array(np.array([[0, 0, 1, 1]], np.float32))
    heard = csr_array(np.array([[1, 0, 0, 0], [1, 1, 0, 0]], np.float32))

    perfect = judge(np.array([[3, 2]], np.int32), truth, heard)
    wrong = judge(np.array([[0, 1]], np.int32), truth, heard)

    assert (1.0, 1.0, 0.5) == (perfect.recall, perfect.ndcg, perfect.coverage)
    assert (0.0, 0.0) == (wrong.recall, wrong.ndcg)


def test_where_nothing_could_be_shown_no_figure_is_made_up() -> None:
    """Everybody has heard everything there is: lists are empty, not unfair."""
    truth, heard = csr_array(np.ones((2, 3), np.float32)), csr_array(np.ones((2, 3), np.float32))

    found = judge(np.full((2, 2), -1, np.int32), truth, heard)

    assert (0.0, 0.0, 0.0) == (found.recall, found.ndcg, found.coverage)
    assert np.isnan([found.gini, found.novelty, found.rarity, found.diversity]).all()
