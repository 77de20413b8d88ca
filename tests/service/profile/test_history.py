"""Listens folded into arrays: what counts, what cancels, what is left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.profile.history import fold
from tests.service.given import catalogue, ids, listen, track

KNOWN = catalogue(track("a"), track("b"), track("c"))
LISTENS = st.lists(
    st.builds(
        listen,
        st.sampled_from(["a", "b", "c", "gone"]),
        minutes=st.integers(0, 9),
        action=st.sampled_from(["play", "skip", "like", "dislike", "save"]),
        plays=st.integers(1, 50),
        ms_played=st.none() | st.integers(0, 500_000),
    )
)


def test_nothing_heard_is_empty_arrays_of_the_right_dtypes() -> None:
    history = fold([], KNOWN)

    arrays = history.rows, history.strengths, history.plays, history.disliked
    assert [(0,)] * 4 == [array.shape for array in arrays]
    assert ["int32", "float32", "float32", "int32"] == [str(array.dtype) for array in arrays]


def test_a_track_heard_twice_is_one_row_with_two_plays() -> None:
    history = fold([listen("b"), listen("a"), listen("b", plays=3)], KNOWN)

    assert ["b", "a"] == ids(KNOWN, history.rows)
    assert [4.0, 1.0] == history.plays.tolist()
    assert [1.0, 1.0] == history.strengths.tolist()


def test_skips_and_verdicts_are_no_plays() -> None:
    history = fold([listen("a", action="skip"), listen("a", action="like"), listen("a")], KNOWN)

    assert [1.0] == history.plays.tolist()


def test_a_skip_takes_half_a_play() -> None:
    history = fold([listen("b", action="skip"), listen("b")], KNOWN)

    assert ["b"] == ids(KNOWN, history.liked_rows)
    assert [0.5] == history.liked_strengths.tolist()


def test_a_dislike_outweighs_all_that_came_before_it() -> None:
    """However often it was played; what came after counts, and so does taking it back."""
    before = [listen("a", action="like"), listen("a", plays=50)]
    dislike = listen("a", action="dislike")

    assert [-1.0] == fold([dislike, *before], KNOWN).strengths.tolist()
    assert [-0.5] == fold(
        [listen("a", ms_played=52_500), dislike, *before], KNOWN
    ).strengths.tolist()
    assert [1.0] == fold([listen("a", action="like"), dislike, *before], KNOWN).strengths.tolist()
    assert not len(fold([dislike, *before], KNOWN).liked_rows)


def test_tracks_outside_the_catalogue_are_left_out_of_the_arrays_only() -> None:
    history = fold([listen("gone"), listen("a")], KNOWN)

    assert ["a"] == ids(KNOWN, history.rows)
    assert 2 == len(history.listens)


def test_a_track_of_a_newer_edition_is_outside_this_one() -> None:
    newer = KNOWN.with_tracks([track("new")])

    assert 0 == len(fold([listen("new")], KNOWN).rows)
    assert ["new"] == ids(newer, fold([listen("new")], newer).rows)


@pytest.mark.parametrize(
    "newest_first, disliked",
    [
        (["dislike", "like"], ["a"]),
        (["like", "dislike"], []),
        (["play", "dislike"], ["a"]),
        (["skip", "skip"], []),
        (["save", "dislike"], []),
    ],
)
def test_the_latest_verdict_wins(newest_first, disliked) -> None:
    history = fold([listen("a", action=action) for action in newest_first], KNOWN)

    assert disliked == ids(KNOWN, history.disliked)


def test_a_poor_rating_is_a_verdict_too() -> None:
    history = fold([listen("a", action="rating", rating=1.0)], KNOWN)

    assert ["a"] == ids(KNOWN, history.disliked)


def test_the_duration_of_the_track_decides_how_much_a_play_counts() -> None:
    known = catalogue(track("short", duration_ms=100_000), track("long", duration_ms=400_000))

    history = fold([listen(name, ms_played=50_000) for name in ("short", "long")], known)

    assert [1.0, 0.25] == history.strengths.tolist()


@given(LISTENS)
def test_whatever_was_heard_strengths_stay_within_one_and_rows_are_distinct(listens) -> None:
    history = fold(listens, KNOWN)

    assert len(set(history.rows.tolist())) == len(history.rows)
    assert len(history.rows) == len(history.strengths) == len(history.plays)
    assert np.abs(history.strengths).max(initial=0) <= 1
    assert set(history.disliked.tolist()) <= set(history.rows.tolist())
