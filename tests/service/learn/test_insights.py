"""Every figure against an answer that was worked out by hand."""

from collections.abc import Sequence
from datetime import timedelta
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learn import insights as made
from service.learn.insights import Insights, Lists, Plays
from service.learn.insights_text import clipped, text
from service.model.catalogue import empty_catalogue
from service.model.version import Model
from tests.service.given import NOON, catalogue, listen, model, track

HOUR = timedelta(hours=1)
SIZE = 10
KNOWN = catalogue(
    track("t0", artist="A", genres=("rock", "pop")),
    track("t1", artist="A", genres=("rock",)),
    track("t2", artist="B", genres=("jazz",)),
    track("t3", artist="unknown"),
    track("t4", artist="unknown"),
    *(track(f"t{number}", artist="C") for number in range(5, SIZE)),
)
LIKES = {"few": [0], "some": [0, 1], "more": [0, 1, 2], "many": [0, 1, 2, 3]}
FITTED = model(
    KNOWN,
    [listen(f"t{row}", user_id=user) for user, rows in LIKES.items() for row in rows],
)


def rows(*found: int) -> np.ndarray:
    return np.array(found, np.int32)


def lists(**shown: Sequence[Sequence[int]]) -> Lists:
    """Lists of rows by listener."""
    seen = [(user, rows(*one)) for user, some in shown.items() for one in some]
    return made.lists_of(seen, SIZE)


def plays(*found: tuple[int, float, int]) -> Plays:
    """Plays of a row, so many hours before noon of a Monday."""
    hourly = [(f"t{row}", NOON - HOUR * ago, count) for row, ago, count in found]
    return made.plays_of(hourly, KNOWN, now=NOON)


def look(shown: Lists, played: Plays | None = None, *, fitted: Model | None = FITTED) -> Insights:
    return made.insights(shown, played or plays(), KNOWN, fitted, source="shown", as_of=NOON)


def test_figures_of_what_was_shown() -> None:
    """Rows 0 twice and 3 once, of ten: of four users four like row 0 and one likes row 3."""
    whole = look(lists(few=[[0, 3]], many=[[0]])).all

    assert (2, 2, 3, 2) == (whole.listeners, whole.lists, whole.places, whole.tracks)
    assert 0.2 == whole.coverage
    ranked = (2 * 9 - 11) * 1 + (2 * 10 - 11) * 2  # of the sorted counts 0 × 8, 1, 2
    assert whole.gini == pytest.approx(ranked / (10 * 3), abs=1e-4)
    assert whole.novelty == pytest.approx((0 + 0 + log2(4) / log2(4)) / 3, abs=1e-4)
    assert whole.head == pytest.approx(2 / 3, abs=1e-4)  # 1 % of ten is one: row 0
    assert 1.5 == whole.artists


def test_of_nothing_shown_there_is_nothing_to_say() -> None:
    whole = look(lists()).all

    assert (0, 0, 0, 0, 0.0) == (
        *(whole.listeners, whole.lists, whole.places, whole.tracks),
        whole.coverage,
    )
    assert [None] * 4 == [whole.gini, whole.novelty, whole.head, whole.artists]


def test_without_a_model_everybody_is_new_and_nothing_is_rare_or_liked() -> None:
    found = look(lists(few=[[0, 3]], stranger=[[1]]), fitted=None)

    assert [2, 0, 0, 0] == [group.listeners for group in found.groups]
    assert [None] * 4 == [group.likes for group in found.groups]
    assert (None, None, None) == (found.model, found.all.novelty, found.all.head)
    assert found.all.gini is not None


def test_groups_are_who_is_unknown_and_thirds_by_likes() -> None:
    found = look(lists(few=[[0]], some=[[1]], more=[[2], [3, 4]], many=[[5]], nobody=[[6], [7]]))

    groups = {group.name: group for group in found.groups}
    assert ["new", "light", "middle", "heavy"] == list(groups)
    assert [1, 1, 2, 1] == [group.listeners for group in groups.values()]
    assert [2, 1, 3, 1] == [group.lists for group in groups.values()]
    assert [2, 1, 4, 1] == [group.places for group in groups.values()]
    assert [None, (1, 1), (2, 3), (4, 4)] == [group.likes for group in groups.values()]


@pytest.mark.parametrize(
    "likes, thirds",
    [
        ([], []),
        ([7], [1]),
        ([1, 2], [0, 2]),
        ([3, 1, 2], [2, 0, 1]),
        ([5, 5, 5, 5], [1, 1, 1, 1]),
        ([1, 1, 1, 1, 1, 9, 9], [1, 1, 1, 1, 1, 2, 2]),
    ],
)
def test_who_like_equally_many_are_in_one_third(likes: list[int], thirds: list[int]) -> None:
    assert thirds == made.thirds(np.array(likes, np.int64)).tolist()


def test_a_list_counts_each_artist_once_and_nobody_known_as_somebody_else_each() -> None:
    shown = lists(u=[[0, 1, 2], [3, 4], [], [3, 3]])

    assert [2, 2, 0, 1] == made.artists_on(shown, KNOWN).tolist()
    assert round(5 / 3, 2) == look(shown).all.artists  # the empty list has none to speak of


def test_rows_that_the_catalogue_does_not_reach_are_left_out() -> None:
    found = look(lists(u=[[0, SIZE, SIZE + 7]]))

    assert (1, 1) == (found.all.lists, found.all.places)


def test_head_is_of_tracks_that_somebody_likes() -> None:
    liked = np.zeros(300, np.int64)
    liked[[7, 8, 9, 10]] = 5, 9, 9, 1
    shown = rows(7, 7, 8, 9, 10, 0)

    assert 0.6667 == made.spread(shown, liked, 9).head  # 1 % are 8, 9 and 7
    liked[[7, 10]] = 0
    assert 0.3333 == made.spread(shown, liked, 9).head
    assert made.spread(shown, np.zeros(300, np.int64), 9).head is None


def test_genres_are_shown_against_what_is_played() -> None:
    """Six plays of rock and pop in halves, two of jazz, two of no genre; four places."""
    found = look(lists(u=[[0, 2, 2, 9]]), plays((0, 1, 6), (2, 2, 2), (9, 3, 2)))

    assert [("rock", 0.3, 0.125), ("pop", 0.3, 0.125), ("jazz", 0.2, 0.5)] == [
        (one.name, one.played, one.shown) for one in found.genres
    ]
    assert [None] * 3 == [one.shown for one in look(lists(), plays((0, 1, 1), (2, 1, 1))).genres]


def test_only_the_twelve_most_played_genres() -> None:
    many = catalogue(*(track(f"t{number}", genres=(f"g{number}",)) for number in range(20)))
    hourly = [(f"t{number}", NOON, number) for number in range(20)]
    played = made.plays_of(hourly, many, now=NOON)

    found = made.genres(played, np.zeros(20, np.int64), many)
    assert [f"g{number}" for number in range(19, 7, -1)] == [one.name for one in found]


def test_rising_is_by_factor_and_then_by_plays() -> None:
    """Factors: 2, 2, (15+5)/(5+5) = 2, 11/10; row 4 fell, row 5 stayed."""
    week = 24 * 7
    played = plays(
        *((0, 1, 5), (1, 3, 3), (1, 5, 2)),
        *((2, 2, 15), (2, week, 5)),
        *((3, week - 1, 6), (3, week, 5)),
        *((4, 1, 1), (4, week + 5, 2)),
        *((5, 1, 4), (5, 2 * week - 1, 4)),
    )

    found = made.rising(played, KNOWN)
    assert [("t2", 15, 5, 2.0), ("t0", 5, 0, 2.0), ("t1", 5, 0, 2.0), ("t3", 6, 5, 1.1)] == [
        (one.id, one.this_week, one.last_week, one.factor) for one in found
    ]
    assert ("Title t2", "B") == (found[0].title, found[0].artist)


def test_at_most_twenty_rise() -> None:
    many = catalogue(*(track(f"t{number}") for number in range(30)))
    played = made.plays_of([(f"t{number}", NOON, 9) for number in range(30)], many, now=NOON)

    assert 20 == len(made.rising(played, many))


def test_the_clock_has_a_place_for_each_hour_of_the_week_in_utc() -> None:
    """Noon of a Monday, an hour before, the Sunday before that, and the Monday a week ago."""
    found = np.array(look(lists(), plays((0, 0, 1), (1, 1, 2), (2, 13, 4), (3, 168, 8))).clock)

    assert (7, 24) == found.shape
    assert {(0, 12): 9, (0, 11): 2, (6, 23): 4} == {
        (int(day), int(hour)): int(found[day, hour]) for day, hour in np.argwhere(found)
    }


def test_two_whole_weeks_are_counted_and_unknown_tracks_are_not() -> None:
    oldest = 2 * 24 * 7 - 1
    played = plays((0, -0.08, 1), (1, oldest, 2), (2, oldest + 1, 4), (77, 1, 8))

    assert [(0, 0, 1), (1, oldest, 2)] == list(
        zip(played.rows, played.ages, played.counts, strict=True)
    )


LISTS = st.lists(
    st.tuples(
        st.sampled_from([*LIKES, "nobody", "stranger"]),
        st.lists(st.integers(0, SIZE + 1), max_size=6),
    ),
    max_size=12,
)


@given(LISTS)
def test_groups_add_up_to_all(seen: list[tuple[str, list[int]]]) -> None:
    shown = made.lists_of([(user, rows(*some)) for user, some in seen], SIZE)
    found = look(shown)

    for name in ("listeners", "lists", "places"):
        assert getattr(found.all, name) == sum(getattr(group, name) for group in found.groups)
    assert found.all.tracks <= sum(group.tracks for group in found.groups)
    assert max(group.tracks for group in found.groups) <= found.all.tracks
    assert len({user for user, _ in seen}) == found.all.listeners
    text(found)


def test_an_empty_catalogue_has_insights_too() -> None:
    nothing = empty_catalogue()
    none = made.plays_of([("gone", NOON, 3)], nothing, now=NOON)
    shown = made.lists_of([("u", rows(1, 2))], 0)
    found = made.insights(shown, none, nothing, None, source="made", as_of=NOON)

    assert (0, 0.0, None) == (found.all.places, found.all.coverage, found.all.gini)
    assert ([], [], 0) == (found.genres, found.rising, np.sum(found.clock))


def words(found: Insights) -> str:
    return " ".join(text(found).split())


def test_the_text_says_which_lists_they_are_and_what_is_not_known() -> None:
    shown = look(lists(few=[[0, 3]], many=[[0]]))
    empty = look(lists(), fitted=None)

    assert "2 lists of 2 listeners, shown by this process in the last 24 hours" in words(shown)
    assert "10 tracks in the catalogue; model v1." in words(shown)
    assert "all - 2 2 3 2 20.0% 0.833 0.333 66.7% 1.5" in words(shown)
    assert "heavy 4 1 1 1 1 10.0%" in words(shown)
    assert "No list was shown by this process in the last 24 hours." in words(empty)
    assert "no model has been fitted yet" in words(empty)
    assert "no plays that trend in the last 14 days" in words(empty)
    assert "no track was played more this week than last" in words(empty)


def test_the_text_says_what_was_made_was_seen_by_nobody() -> None:
    some = lists(few=[[0]])
    whole = made.insights(some, plays(), KNOWN, FITTED, source="made", as_of=NOON)
    nothing = made.insights(lists(), plays(), KNOWN, None, source="made", as_of=NOON)

    assert "1 list of 1 listener, made now for a sample" in words(whole)
    assert "No list was made: there is nobody the model knows." in words(nothing)


def test_the_text_is_100_columns_wide_whatever_things_are_called() -> None:
    known = catalogue(
        track("t0", title="\x1b[31m" + "夜" * 90, artist="x" * 300, genres=("g" * 200,)),
        track("t1", title="a\nb", genres=("pop\u202e",)),
    )
    played = made.plays_of([("t0", NOON, 10**9), ("t1", NOON, 10**9)], known, now=NOON)
    shown = made.lists_of([("u", rows(0, 1))], 2)
    said = text(made.insights(shown, played, known, None, source="shown", as_of=NOON))

    assert max(map(len, said.splitlines())) <= 100
    assert not any(one in said for one in ("\x1b", "\u202e", "a\nb"))
    assert "a b, By t1" in said


@pytest.mark.parametrize(
    "said, most, held",
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("夜夜", 4, "夜夜"),
        ("夜夜夜", 5, "夜…"),
        ("e\u0301e", 2, "e\u0301e"),
    ],
)
def test_clipped_by_columns(said: str, most: int, held: str) -> None:
    assert held == clipped(said, most)


def test_the_week_is_drawn_in_shades() -> None:
    lines = text(look(lists(), plays((0, 0, 4), (1, 1, 1), (2, 13, 2)))).splitlines()
    monday = next(line for line in lines if line.startswith("  Mon"))
    sunday = next(line for line in lines if line.startswith("  Sun"))

    assert "··" * 11 + "░░██" + "··" * 11 == monday.split()[1]
    assert "··" * 23 + "▒▒" == sunday.split()[1]
    assert ("5", "2") == (monday.split()[2], sunday.split()[2])
    assert any("most on Mon from 12:00, 4 plays" in line for line in lines)
