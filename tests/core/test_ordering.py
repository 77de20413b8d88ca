import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference, reference_ordering
from core.ordering import UNKNOWN, distinct, space

ARTISTS = arrays(np.int32, st.integers(0, 40), elements=st.integers(-1, 6))
OPTIONS = {"limit": st.integers(1, 50), "gap": st.integers(0, 6), "cap": st.integers(1, 5)}


def i32(*values):
    return np.array(values, np.int32)


def test_known_answer():
    """Artist 7 waits for its gap; the list is otherwise best first."""
    assert [0, 2, 3, 1] == space(i32(7, 7, 8, 9), 4, gap=2, cap=9).tolist()


def test_the_cap_holds_back_what_the_gap_allows():
    assert [0, 1, 3] == space(i32(7, 8, 7, 9), 3, gap=1, cap=1).tolist()


def test_the_gap_gives_way_before_the_cap():
    """From the third place on no artist is out of its gap; at the fourth 7 is full as well."""
    assert [0, 3, 1, 4, 2] == space(i32(7, 7, 7, 8, 8), 5, gap=2, cap=2).tolist()


def test_the_cap_gives_way_when_nothing_else_is_left():
    assert [0, 1, 2] == space(i32(7, 7, 7), 3, gap=2, cap=1).tolist()


def test_unknown_artists_never_conflict():
    assert [0, 1, 2] == space(np.full(3, UNKNOWN, np.int32), 3, gap=2, cap=1).tolist()


def test_different_artists_keep_their_order():
    assert list(range(9)) == space(np.arange(9, dtype=np.int32), 9, gap=3, cap=1).tolist()


@settings(max_examples=500)
@given(artists=ARTISTS, **OPTIONS)
def test_matches_reference(artists, limit, gap, cap):
    np.testing.assert_array_equal(
        space(artists, limit, gap=gap, cap=cap),
        reference.space(artists, limit, gap=gap, cap=cap),
        strict=True,
    )


@settings(max_examples=500)
@given(artists=ARTISTS, **OPTIONS)
def test_the_list_is_full_and_no_candidate_comes_twice(artists, limit, gap, cap):
    chosen = space(artists, limit, gap=gap, cap=cap)

    assert min(limit, artists.size) == chosen.size == np.unique(chosen).size


@settings(max_examples=500)
@given(artists=ARTISTS, **OPTIONS)
def test_an_artist_comes_back_within_the_gap_or_over_the_cap_only_when_forced(
    artists, limit, gap, cap
):
    shown = artists[space(artists, limit, gap=gap, cap=cap)].tolist()
    left = artists.tolist()
    for place, artist in enumerate(shown):
        recent = [other for other in shown[max(0, place - gap) : place] if other != UNKNOWN]
        full = {other for other in shown[:place] if shown[:place].count(other) >= cap}
        full.discard(UNKNOWN)
        if artist in recent or artist in full:
            assert all(other in recent or other in full for other in left)
        if artist in full:
            assert set(left) <= full
        left.remove(artist)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"artists": np.zeros(2)}, r"artists must be int32 \(m,\)"),
        ({"artists": i32(-2)}, "artists must be at least -1, got -2"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"gap": -1}, "gap must be at least 0"),
        ({"cap": 0}, "cap must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        space(**({"artists": i32(1), "limit": 1, "gap": 0, "cap": 1} | change))


def test_the_first_recording_of_each_work_stays():
    assert [0, 1, 3, 4] == distinct(i32(5, 7, 5, -1, -1, 7)).tolist()


@settings(max_examples=500)
@given(works=ARTISTS)
def test_distinct_matches_reference(works):
    assert reference_ordering.distinct(works) == distinct(works).tolist()


@settings(max_examples=500)
@given(works=ARTISTS)
def test_no_work_comes_twice_and_none_is_lost(works):
    kept = works[distinct(works)]
    known = kept[kept != UNKNOWN]

    assert known.size == np.unique(known).size
    assert set(works.tolist()) == set(kept.tolist())
    assert (works == UNKNOWN).sum() == (kept == UNKNOWN).sum()


@pytest.mark.parametrize(
    "works, message",
    [
        (np.zeros(2), r"works must be int32 \(m,\)"),
        (i32(1, -2), "works must be at least -1, got -2"),
    ],
)
def test_works_that_do_not_fit_are_refused(works, message):
    with pytest.raises(ValueError, match=message):
        distinct(works)
