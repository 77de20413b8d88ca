"""What a listen counts for others: known answers, and bounds that hold whatever is sent."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from service.domain import HEARD_MS, Listen
from service.learn.guards import DAY, FAIR, fair, heard, weights
from tests.service.given import NOON, listen

MINUTES = 200_000
LISTENS = st.lists(
    st.builds(
        lambda user, track, action, hours, plays, ms, timed: Listen(
            user_id=user,
            track_id=track,
            action=action,
            at=NOON + timedelta(hours=hours),
            plays=plays,
            ms_played=ms,
            timed=timed,
        ),
        st.sampled_from(["u1", "u2", "~probe"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["play", "like", "skip"]),
        st.integers(0, 60),
        st.integers(1, 1_000_000),
        st.none() | st.integers(0, 100_000),
        st.booleans(),
    ),
    max_size=40,
)


def counts(*listens: Listen) -> list[float]:
    return weights(listens, [MINUTES] * len(listens)).tolist()


def test_a_play_counts_one_and_a_touch_nothing() -> None:
    plays = [listen("a"), listen("b", ms_played=HEARD_MS), listen("c", ms_played=HEARD_MS - 1)]

    assert [1.0, 1.0, 0.0] == counts(*plays)


@pytest.mark.parametrize(
    "duration_ms, ms_played, expected",
    [
        (0, 29_999, False),
        (0, 30_000, True),
        (60_000, 17_999, False),  # thirty per cent of a minute
        (60_000, 18_000, True),
        (600_000, 30_000, True),
        (20_000, 6_000, True),
    ],
)
def test_of_a_short_track_a_part_is_enough(duration_ms, ms_played, expected) -> None:
    assert expected == heard(listen("a", ms_played=ms_played), duration_ms)


def test_what_is_said_outright_needs_no_length() -> None:
    assert heard(listen("a", action="like", ms_played=0), MINUTES)


@pytest.mark.parametrize("plays, total", [(1, 1), (2, 1), (3, 2), (7, 3), (15, 4), (10_000, 4)])
def test_a_day_of_one_track_counts_as_a_logarithm(plays: int, total: int) -> None:
    each = counts(*(listen("a", minutes=n / 100) for n in range(plays)))

    assert total == pytest.approx(sum(each))
    assert 1 == len(set(each))
    assert total == pytest.approx(plays * counts(listen("a", plays=plays))[0])


def test_days_users_tracks_and_actions_are_counted_apart() -> None:
    alike = [
        listen("a"),
        listen("a", minutes=24 * 60),
        listen("a", user_id="u2"),
        listen("b"),
        listen("a", action="like"),
    ]

    assert [1.0] * 5 == counts(*alike)


def test_a_day_has_an_end_but_what_has_no_time_has_no_day() -> None:
    day = [listen(f"t{n}", minutes=n) for n in range(2 * int(DAY))]
    untimed = [listen(f"t{n}", minutes=n, timed=False) for n in range(2 * int(DAY))]

    assert DAY == pytest.approx(sum(counts(*day)))
    assert 2 * DAY == sum(counts(*untimed))


def test_a_probe_counts_nothing() -> None:
    assert [0.0] == counts(listen("a", user_id="~probe"))


def test_every_listen_needs_a_duration() -> None:
    with pytest.raises(ValueError, match="zip"):
        weights([listen("a")], [])


@holds_for(LISTENS, st.randoms(use_true_random=False))
def test_whatever_is_sent_in_whatever_order_is_bounded(listens, random) -> None:
    durations = [random.choice([0, 20_000, MINUTES]) for _ in listens]
    found = weights(listens, durations)
    order = random.sample(range(len(listens)), len(listens))
    shuffled = weights([listens[n] for n in order], [durations[n] for n in order])

    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found[order], shuffled, rtol=1e-6)
    total = dict[object, float]()
    for one, weight in zip(listens, found.tolist(), strict=True):
        if one.timed:
            key = one.user_id, one.at.date()
            total[key] = total.get(key, 0.0) + weight * one.plays
    assert all(day <= DAY * 1.0001 for day in total.values())


def world(*tracks: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Each track with so many established and so many new listeners, as pairs; who is new."""
    users = max(known for known, _ in tracks), max(new for _, new in tracks)
    pairs = [
        (user, track)
        for track, (known, new) in enumerate(tracks)
        for user in [*range(known), *range(users[0], users[0] + new)]
    ]
    return np.array(pairs, np.int64), np.arange(sum(users)) >= users[0]


def listeners(pairs: np.ndarray) -> list[int]:
    return np.bincount(pairs[:, 1]).tolist()


def test_new_accounts_cannot_make_a_track_that_others_hardly_play() -> None:
    pairs, new = world((90, 10), (89, 9), (2, 40))  # new: 59 of 240, a third of the others
    usual = 59 / 181
    allowed = int(FAIR * usual * 3)

    assert [100, 98, 2 + allowed] == listeners(pairs[fair(pairs, new, 3)])
    assert allowed < 2


def test_a_track_that_new_accounts_play_as_often_as_any_keeps_them_all() -> None:
    pairs, new = world((30, 10), (3, 1), (60, 25))

    assert fair(pairs, new, 3).all()


@pytest.mark.parametrize("new", [True, False])
def test_where_all_are_new_or_none_is_nobody_goes(new: bool) -> None:
    pairs, users = world((3, 4), (1, 9))

    assert fair(pairs, np.full(len(users), new), 2).all()


def test_nothing_is_fair() -> None:
    assert [] == fair(np.empty((0, 2), np.int64), np.empty(0, np.bool_), 3).tolist()


PAIRS = st.sets(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=120)


@holds_for(PAIRS, st.lists(st.booleans(), min_size=31, max_size=31), st.randoms())
def test_established_listeners_always_stay_and_the_order_of_pairs_is_no_matter(
    found, new, random
) -> None:
    ordered = sorted(found)
    pairs, is_new = np.array(ordered, np.int64).reshape(-1, 2), np.array(new)
    kept = fair(pairs, is_new, 6)
    order = np.array(random.sample(range(len(pairs)), len(pairs)), np.int64)

    assert kept[~is_new[pairs[:, 0]]].all()
    assert kept[order].tolist() == fair(pairs[order], is_new, 6).tolist()
