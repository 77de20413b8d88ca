"""Hours of the listener's day, in the listener's zone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Invalid
from service.profile.clock import daypart, histogram, part_of_week, zone
from tests.service.given import NOON, listen

BAD = ["", "../x", "America", "Europe", "Europe/", "/etc/passwd", ".", "..", "a\0b", "\ud800"]
BAD += ["UTC\n", "Mars/Olympus", "zone.tab", "x" * 5_000]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_zone_is_invalid_whatever_zoneinfo_raises(name) -> None:
    with pytest.raises(Invalid, match=r"unknown timezone .* IANA name such as Europe/Berlin"):
        zone(name)


@given(st.text())
def test_any_text_is_a_zone_or_invalid(name) -> None:
    try:
        zone(name)
    except Invalid:
        return
    assert name


def test_a_zone_is_found_by_its_iana_name() -> None:
    assert "Europe/Berlin" == zone("Europe/Berlin").key


def test_the_day_has_four_parts_of_six_hours() -> None:
    parts = [daypart(hour) for hour in range(24)]

    assert ["night"] * 6 + ["morning"] * 6 + ["afternoon"] * 6 + ["evening"] * 6 == parts


@pytest.mark.parametrize(
    "at, name, expected",
    [
        (datetime(2026, 5, 8, 21, 30, tzinfo=UTC), "UTC", ("evening", False)),
        (datetime(2026, 5, 8, 22, 30, tzinfo=UTC), "Europe/Berlin", ("night", True)),
        (datetime(2026, 5, 11, 3, 0, tzinfo=UTC), "America/New_York", ("evening", True)),
        (datetime(2026, 5, 10, 20, 0, tzinfo=UTC), "Pacific/Auckland", ("morning", False)),
        (datetime(2026, 5, 9, 0, 0, tzinfo=UTC), "UTC", ("night", True)),
    ],
)
def test_part_and_weekend_are_those_of_the_listeners_clock(at, name, expected) -> None:
    assert expected == part_of_week(at, zone(name))


def test_summer_time_moves_the_hour() -> None:
    """11:30 in London is 10:30 UTC in summer and 11:30 UTC in winter."""
    winter, summer = (
        datetime(2026, 1, 5, 11, 30, tzinfo=UTC),
        datetime(2026, 7, 6, 11, 30, tzinfo=UTC),
    )
    london = zone("Europe/London")

    assert ["morning", "afternoon"] == [part_of_week(at, london)[0] for at in (winter, summer)]


@pytest.mark.parametrize(
    "at, name",
    [
        (datetime.min.replace(tzinfo=UTC), "America/New_York"),
        (datetime.max.replace(tzinfo=UTC), "Asia/Tokyo"),
    ],
)
def test_a_moment_outside_the_calendar_over_there_is_invalid(at, name) -> None:
    with pytest.raises(Invalid, match=f"outside the calendar in {name}"):
        part_of_week(at, zone(name))


def test_the_histogram_is_seven_days_from_monday_by_twenty_four_hours() -> None:
    counts = histogram([], zone("UTC"))

    assert (7, {24}) == (len(counts), {len(day) for day in counts})


def test_the_histogram_counts_plays_in_the_users_zone() -> None:
    """Monday noon in London is Monday 21 h in Tokyo, and nine hours later is Tuesday 6 h there."""
    listens = [listen("a", plays=2), listen("b", minutes=9 * 60)]

    tokyo = histogram(listens, zone("Asia/Tokyo"))

    assert (2, 1, 3) == (tokyo[0][21], tokyo[1][6], sum(map(sum, tokyo)))
    assert 2 == histogram(listens, zone("UTC"))[0][12]


def test_an_hour_that_happens_twice_is_one_hour_of_the_histogram() -> None:
    """The clocks of Berlin went back on 2026-10-25: 0:30 and 1:30 UTC are both 2:30 there."""
    autumn = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    twice = [listen("a", at=autumn), listen("b", at=autumn + timedelta(hours=1))]

    assert 2 == histogram(twice, zone("Europe/Berlin"))[6][2]


def test_listens_that_had_no_time_are_in_no_hour() -> None:
    counts = histogram([listen("a", at=NOON, timed=False)], zone("UTC"))

    assert 0 == sum(map(sum, counts))
