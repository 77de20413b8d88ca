"""The running session, and what was skipped in it."""

from datetime import timedelta

import pytest

from service.profile.history import fold
from service.profile.session import session, skips
from tests.service.given import NOON, catalogue, ids, listen, track

KNOWN = catalogue(*(track(name, duration_ms=200_000) for name in "abcd"))


def skipped(*listens, minutes: float | None = 0) -> dict[str, float]:
    now = None if minutes is None else NOON + timedelta(minutes=minutes)
    found = skips(fold(listens, KNOWN), KNOWN, now)
    return dict(zip(ids(KNOWN, found.rows), found.weights.tolist(), strict=True))


def skip(track_id: str, **more):
    return listen(track_id, action="skip", **more)


def test_a_skip_just_now_counts_one_and_half_as_much_a_quarter_of_an_hour_later() -> None:
    assert {"a": 1.0} == skipped(skip("a"))
    assert {"a": 0.5} == skipped(skip("a"), minutes=15)


def test_a_silence_of_more_than_half_an_hour_ends_the_session() -> None:
    assert {"a": 0.25} == skipped(skip("a"), minutes=30)
    assert {} == skipped(skip("a"), minutes=31)
    assert {"a": 1.0} == skipped(skip("a"), skip("b", minutes=-31))
    assert ["a", "b"] == list(skipped(skip("a"), listen("c", minutes=-20), skip("b", minutes=-40)))


def test_a_skip_late_in_the_track_says_less() -> None:
    assert {"a": 0.25} == skipped(skip("a", ms_played=150_000))


def test_a_dislike_turns_away_like_a_skip() -> None:
    assert {"a": 1.0} == skipped(listen("a", action="dislike"))


def test_who_plays_it_after_all_has_not_turned_away() -> None:
    assert {} == skipped(listen("a"), skip("a", minutes=-1))
    assert {"a": 1.0} == skipped(skip("a"), listen("a", minutes=-1))


def test_without_a_now_the_newest_listen_is_now() -> None:
    assert {"a": 1.0} == skipped(skip("a", minutes=-500), minutes=None)


@pytest.mark.parametrize(
    "one", [skip("a", timed=False), skip("nowhere"), listen("a"), listen("a", action="like")]
)
def test_nothing_else_is_a_skip(one) -> None:
    assert {} == skipped(one)


def test_a_listen_from_a_clock_ahead_is_now() -> None:
    assert {"a": 1.0} == skipped(skip("a", minutes=5))


def test_the_session_is_newest_first() -> None:
    history = fold([listen("a"), listen("b", minutes=-10), listen("c", minutes=-99)], KNOWN)

    assert ["a", "b"] == [one.track_id for one in session(history, NOON)]
