"""What was heard comes back with time, sooner the more it is played."""

from datetime import timedelta

import numpy as np
import pytest
from msgspec import structs

from service.profile.history import fold
from service.recommend.resurfacing import Resurfacing, resurface
from service.recommend.scoring import total_from
from tests.service.given import NOON, catalogue, listen, track

KNOWN = catalogue(*(track(name) for name in "abc"))
TOTAL = np.array([1, 2, 3], np.float32)
UNIT = 0.8
RULE = Resurfacing(plays=1, hold=4, half_life=timedelta(hours=6))


def change(*listens, hours: float | None = 0, total=TOTAL) -> np.ndarray:
    """What the rule added, in units of the score."""
    now = None if hours is None else NOON + timedelta(hours=hours)
    given = structs.replace(total_from(total), unit=UNIT)
    changed = resurface(given, fold(listens, KNOWN), KNOWN, now, resurfacing=RULE)
    return (changed.at(np.arange(3, dtype=np.int32)) - total) / UNIT


def test_a_play_holds_back_and_half_as_much_six_hours_later() -> None:
    np.testing.assert_allclose([-4, 0, 0], change(listen("a")), atol=1e-5)
    np.testing.assert_allclose([0.5 - 2, 0, 0], change(listen("a"), hours=6), atol=1e-5)
    np.testing.assert_allclose([1, 0, 0], change(listen("a"), hours=600), atol=1e-5)


def test_what_is_played_more_comes_back_sooner() -> None:
    """Four plays: a half-life of two hours, and log2(5) for the plays."""
    later = change(listen("a", plays=4), hours=2)

    assert pytest.approx(np.log2(5) / 2 - 2, abs=1e-5) == later[0]


def test_right_after_a_play_no_number_of_plays_brings_a_track_back() -> None:
    assert pytest.approx(-4, abs=1e-5) == change(listen("a", plays=999))[0]


def test_a_track_just_played_comes_after_one_played_yesterday_and_then_before_it() -> None:
    listens = listen("a", plays=2), listen("b", minutes=-24 * 60)
    flat = np.array([1, 1, 0], np.float32)

    just, tomorrow = change(*listens, total=flat), change(*listens, total=flat, hours=24)

    assert just[0] < just[1]
    assert tomorrow[0] > tomorrow[1]


def test_listens_without_a_time_hold_nothing_back() -> None:
    np.testing.assert_allclose([1, 0, 0], change(listen("a", timed=False)), atol=1e-5)


def test_without_a_now_the_newest_listen_is_now() -> None:
    np.testing.assert_allclose([-4, 0, 0], change(listen("a"), hours=None), atol=1e-5)


def test_a_skip_holds_back_too() -> None:
    np.testing.assert_allclose([-4, 0, 0], change(listen("a", action="skip")), atol=1e-5)


def test_what_no_part_speaks_of_is_ranked_by_its_plays_and_what_is_excluded_stays_so() -> None:
    total = np.array([np.nan, -np.inf, 1], np.float32)
    history = fold([listen("a", minutes=-9_999), listen("b", minutes=-9_999)], KNOWN)

    every = np.arange(3, dtype=np.int32)
    changed = resurface(total_from(total), history, KNOWN, NOON, resurfacing=RULE).at(every)

    assert np.isfinite(changed[0])
    assert np.isneginf(changed[1])


def test_nothing_heard_changes_nothing() -> None:
    given = total_from(TOTAL)

    assert resurface(given, fold([], KNOWN), KNOWN, NOON) is given
