"""Hours of a listener's day: zones, parts of the day, the 24x7 histogram."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from service.domain import Listen
from service.errors import Invalid

DAYPARTS = ("night", "morning", "afternoon", "evening")
HOURS, DAYS = 24, 7
SATURDAY = 5


def zone(name: str) -> ZoneInfo:
    """The time zone with this IANA name.

    Raises:
        Invalid: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # a folder's name is an OSError
        raise Invalid(
            f"unknown timezone {name!r}: use an IANA name such as Europe/Berlin"
        ) from error


def daypart(hour: int) -> str:
    """Night 0-5, morning 6-11, afternoon 12-17, evening 18-23."""
    return DAYPARTS[hour // 6]


def part_of_week(at: datetime, local: ZoneInfo) -> tuple[str, bool]:
    """Part of the day and whether it is weekend, on the listener's clock.

    Raises:
        Invalid: over there it is a day before year 1 or after year 9999.
    """
    try:
        there = at.astimezone(local)
    except OverflowError as error:
        raise Invalid(f"{at.isoformat()} is outside the calendar in {local.key}") from error
    return daypart(there.hour), there.weekday() >= SATURDAY


def histogram(listens: Sequence[Listen], local: ZoneInfo) -> list[list[int]]:
    """Plays per weekday (Monday first) and hour; listens that had no time are left out."""
    counts = [[0] * HOURS for _ in range(DAYS)]
    for listen in listens:
        if listen.timed:
            there = listen.at.astimezone(local)
            counts[there.weekday()][there.hour] += listen.plays
    return counts
