"""What a moment sounds like."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.domain import FEATURES, Context, Features
from service.errors import Invalid
from service.profile.clock import zone
from service.recommend.context import ACTIVITIES, MOODS, moment, read_context
from tests.service.given import NOON, catalogue, listen, listener, track

UTC_ZONE = zone("UTC")
KNOWN = catalogue(
    track("low", features=Features(energy=0.1, speechiness=0.4)),
    track("high", features=Features(energy=0.9)),
)
NOBODY = listener(KNOWN).history


def wanted(context: Context, history=NOBODY, local=UTC_ZONE) -> dict[str, tuple[Any, float]]:
    """Feature -> (target, weight) of what is wanted at all."""
    found = moment(context, history, KNOWN, local)
    assert found is not None
    return {
        name: (pytest.approx(float(found.target[i])), float(found.weights[i]))
        for i, name in enumerate(FEATURES)
        if found.weights[i]
    }


def read(**given) -> Context:
    defaults = {"activity": "none", "mood": "none", "device": "none", "at": None, "timezone": None}
    return read_context(**(defaults | {"now": NOON} | given))


def test_without_a_clock_there_is_no_part_of_the_day() -> None:
    assert Context(activity="party", mood="sad", device="tv") == read(
        activity="party", mood="sad", device="tv"
    )
    assert not read().given


def test_a_zone_alone_means_now_over_there() -> None:
    """Monday noon in London is Monday evening in Tokyo."""
    assert Context(daypart="evening", weekend=False) == read(timezone="Asia/Tokyo")


def test_a_time_is_read_in_the_zone_given_or_in_utc() -> None:
    saturday = datetime(2026, 5, 9, 3, tzinfo=UTC)

    assert Context(daypart="night", weekend=True) == read(at=saturday)
    assert Context(daypart="evening", weekend=False) == read(
        at=saturday, timezone="America/New_York"
    )


@pytest.mark.parametrize("timezone", ["", "Mars", "../x", "Europe"])
def test_no_such_zone_is_invalid(timezone) -> None:
    with pytest.raises(Invalid, match="unknown timezone"):
        read(timezone=timezone)


def test_a_time_outside_the_calendar_over_there_is_invalid() -> None:
    with pytest.raises(Invalid, match="outside the calendar"):
        read(at=datetime.max.replace(tzinfo=UTC), timezone="Asia/Tokyo")


@pytest.mark.parametrize("table", [ACTIVITIES, MOODS])
def test_every_table_speaks_of_features_in_the_units_of_the_catalogue(table) -> None:
    for targets in table.values():
        assert targets.keys() <= set(FEATURES)
        assert all(0 <= target <= 1 and weight > 0 for target, weight in targets.values())


@pytest.mark.parametrize("asked", [Context(activity="party"), Context(mood="romantic")])
def test_what_was_measured_without_gain_asks_for_nothing(asked) -> None:
    """Playlists named for it agree on no sound that helps (docs/adr/0010)."""
    assert moment(asked, NOBODY, KNOWN, UTC_ZONE) is None


@pytest.mark.parametrize("activity", [one for one in ACTIVITIES if ACTIVITIES[one]])
def test_an_activity_asks_for_its_table(activity) -> None:
    assert wanted(Context(activity=activity)) == dict(ACTIVITIES[activity])


@pytest.mark.parametrize("mood", [one for one in MOODS if MOODS[one]])
def test_a_mood_asks_for_its_table(mood) -> None:
    assert wanted(Context(mood=mood)) == dict(MOODS[mood])


def test_an_hour_alone_asks_for_nothing_without_a_habit() -> None:
    """Tables for hours earned nothing (docs/adr/0010)."""
    assert moment(Context(daypart="night", weekend=True), NOBODY, KNOWN, UTC_ZONE) is None


def test_tables_that_meet_are_weighted_means() -> None:
    met = wanted(Context(activity="relax", mood="calm", daypart="night", weekend=True))
    one, other = ACTIVITIES["relax"]["acousticness"], MOODS["calm"]["acousticness"]

    total = one[1] + other[1]
    assert ((one[0] * one[1] + other[0] * other[1]) / total, total) == met["acousticness"]
    assert met.keys() == ACTIVITIES["relax"].keys() | MOODS["calm"].keys()


def test_nothing_given_asks_for_nothing() -> None:
    assert moment(Context(), NOBODY, KNOWN, UTC_ZONE) is None
    assert moment(Context(device="car"), NOBODY, KNOWN, UTC_ZONE) is None


def at_night(count: int, **more):
    """So many loud nights, and as many quiet noons."""
    night = NOON - timedelta(hours=12)
    return [
        *(
            listen("high", id=f"n{n}", at=night - timedelta(days=7 * n), **more)
            for n in range(count)
        ),
        *(listen("low", id=f"d{n}", at=NOON - timedelta(days=7 * n)) for n in range(count)),
    ]


def test_the_listeners_own_habit_at_such_hours_is_what_an_hour_asks_for() -> None:
    """Nothing is known of the speechiness of what they play at night."""
    history = listener(KNOWN, *at_night(5)).history

    met = wanted(Context(daypart="night", weekend=False), history)

    assert (0.9, 2.0) == met["energy"]
    assert "speechiness" not in met


def test_four_listens_are_no_habit() -> None:
    history = listener(KNOWN, *at_night(4)).history

    assert moment(Context(daypart="night", weekend=False), history, KNOWN, UTC_ZONE) is None


@pytest.mark.parametrize("more", [{"timed": False}, {"action": "skip"}])
def test_skips_and_listens_without_a_time_are_no_habit(more) -> None:
    history = listener(KNOWN, *at_night(9, **more)).history

    assert moment(Context(daypart="night", weekend=False), history, KNOWN, UTC_ZONE) is None


def test_habits_are_looked_up_on_the_listeners_clock() -> None:
    """UTC midnight is 9 h in Tokyo."""
    history = listener(KNOWN, *at_night(5)).history

    morning = wanted(Context(daypart="morning", weekend=False), history, zone("Asia/Tokyo"))

    assert (0.9, 2.0) == morning["energy"]


def test_a_device_alone_asks_for_what_is_played_on_it() -> None:
    history = listener(KNOWN, *at_night(5, device="car")).history

    assert {"energy": (0.9, 2.0)} == wanted(Context(device="car"), history)
    assert moment(Context(device="tv"), history, KNOWN, UTC_ZONE) is None


def test_targets_are_float32_for_the_kernel() -> None:
    found = moment(Context(mood="happy"), NOBODY, KNOWN, UTC_ZONE)

    assert found is not None
    assert ["float32"] * 2 == [str(found.target.dtype), str(found.weights.dtype)]
