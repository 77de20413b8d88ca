"""Decayed counts: a play a week ago counts half."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model.trending import HALF_LIFE, Trending, trends
from tests.service.given import NOON, listen

HOURS = st.integers(-24 * 56, 24 * 2).map(lambda hours: NOON + timedelta(hours=hours))
PLAYS = st.lists(st.tuples(st.integers(0, 4), HOURS, st.integers(1, 100)), max_size=20)


@given(at=HOURS, landmark=HOURS, now=HOURS)
def test_of_two_plays_a_week_apart_the_newer_counts_twice(at, landmark, now) -> None:
    trending = Trending(landmark)
    trending.add([(0, at, 1), (1, at + timedelta(days=7), 1)])

    older, newer = trending.counts(now, 2)

    assert 2 == pytest.approx(newer / older, rel=1e-5)


@given(plays=PLAYS, seed=st.randoms(use_true_random=False), cut=st.integers(0, 20))
def test_plays_may_come_in_any_order_and_in_any_batches(plays, seed, cut) -> None:
    shuffled = seed.sample(plays, len(plays))
    one, other = Trending(NOON), Trending(NOON)

    one.add(plays)
    other.add(shuffled[:cut])
    other.add(shuffled[cut:])

    np.testing.assert_allclose(one.counts(NOON, 5), other.counts(NOON, 5), rtol=1e-5)


@given(plays=PLAYS, days=st.integers(-365, 365))
def test_the_landmark_is_only_a_unit(plays, days) -> None:
    """Also one in the future, and one a year ago: a process may run that long."""
    near, far = Trending(NOON), Trending(NOON + timedelta(days=days))

    for trending in (near, far):
        trending.add(plays)

    np.testing.assert_allclose(near.counts(NOON, 5), far.counts(NOON, 5), rtol=1e-4)


def test_counts_are_plays_as_of_now() -> None:
    trending = Trending(NOON)
    trending.add([(0, NOON, 8)])

    assert [8.0, 4.0, 2.0] == [
        float(trending.counts(NOON + weeks * HALF_LIFE, 1)[0]) for weeks in range(3)
    ]


def test_a_row_nobody_played_counts_nothing_and_rows_may_be_added_later() -> None:
    trending = Trending(NOON)

    assert [0.0, 0.0] == trending.counts(NOON, 2).tolist()
    trending.add([(3, NOON, 1)])
    assert [0.0, 0.0, 0.0, 1.0, 0.0] == trending.counts(NOON, 5).tolist()
    assert [0.0, 0.0] == trending.counts(NOON, 2).tolist()


def test_one_row_may_come_twice_in_a_batch() -> None:
    trending = Trending(NOON)
    trending.add((0, NOON, 1) for _ in range(3))

    assert [3.0] == trending.counts(NOON, 1).tolist()


@pytest.mark.parametrize(
    "action, counted",
    [
        ("play", True),
        ("like", True),
        ("save", True),
        ("skip", False),
        ("dislike", False),
        ("rating", False),
    ],
)
def test_only_plays_likes_and_saves_trend(action, counted) -> None:
    assert counted is trends(listen("a", action=action))


def test_a_listen_without_a_time_never_trends() -> None:
    assert not trends(listen("a", timed=False))


def test_a_listen_that_came_a_week_late_never_trends() -> None:
    assert not trends(listen("a", flag="late"))
    assert trends(listen("a", flag="clamped"))


@pytest.mark.parametrize(
    "more, expected",
    [
        ({"ms_played": 29_999}, False),
        ({"ms_played": 30_000}, True),
        ({"ms_played": 0, "action": "like"}, True),
        ({"user_id": "~probe"}, False),
    ],
)
def test_a_touch_or_a_probe_is_no_trend(more, expected) -> None:
    assert expected == trends(listen("a", **more))
