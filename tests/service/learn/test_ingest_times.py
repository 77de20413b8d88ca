"""When a listen was: clocks that are wrong, flags, and ids made of times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from prometheus_client import REGISTRY

from service.domain import NOT_SENT
from service.learn.ingest import EARLIEST, Receipt, listen_id
from tests.service.given import NOON, listen
from tests.service.learn.door import Door


@pytest.mark.parametrize(
    "at", [datetime(2000, 1, 1, tzinfo=UTC), NOON, NOON + timedelta(minutes=5)]
)
async def test_a_clock_may_be_five_minutes_fast(at) -> None:
    door = Door()

    assert 1 == (await door.take(listen("a", at=at))).accepted
    assert [min(at, NOON)] == [one.at for one in await door.stored()]


async def test_a_clamped_listen_that_is_sent_again_later_is_still_the_same() -> None:
    """Its id is made from the time that was sent, not from the one that is kept."""
    door = Door()
    fast = listen("a", id="", at=NOON + timedelta(minutes=4))

    assert Receipt(1, 0, []) == await door.take(fast)
    door.now += timedelta(seconds=30)
    assert Receipt(0, 1, []) == await door.take(fast)
    door.now += timedelta(minutes=5)
    assert Receipt(0, 1, []) == await door.take(fast)
    assert [(NOON, "clamped")] == [(one.at, one.flag) for one in await door.stored()]


@pytest.mark.parametrize(
    "sent, flag",
    [
        (listen("a"), UNSET),
        (listen("a", flag="late"), UNSET),
        (listen("a", minutes=1, flag="late"), "clamped"),
        (listen("a", at=NOON - timedelta(days=7)), UNSET),
        (listen("a", at=NOON - timedelta(days=7, milliseconds=1)), "late"),
        (listen("a", at=EARLIEST), "late"),
        (listen("a", at=EARLIEST, timed=False), UNSET),
        (listen("a", id="x", at=NOT_SENT), UNSET),
    ],
)
async def test_a_flag_says_what_was_wrong_with_a_time_and_is_ours_to_set(sent, flag) -> None:
    door = Door()
    await door.take(sent)

    assert [flag] == [one.flag for one in await door.stored()]


async def test_flags_are_counted() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("echotune_listens_flagged_total", {"flag": "late"}) or 0.0

    door, before = Door(), counted()
    late = listen("a", at=EARLIEST)
    await door.take(late, listen("b", at=EARLIEST), listen("a"))
    await door.take(late)

    assert before + 2 == counted()


async def test_a_listen_with_an_id_and_no_time_happened_now() -> None:
    door = Door()

    await door.take(listen("a", id="mine", at=NOT_SENT))

    assert [("mine", NOON)] == [(one.id, one.at) for one in await door.stored()]
    assert NOON == door.ingest.now()


async def test_times_are_kept_to_the_millisecond_in_utc() -> None:
    """What is stored is what any store gives back."""
    door = Door()
    there = datetime(2026, 5, 1, 2, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=5.5)))

    await door.take(listen("a", at=there))

    at = (await door.stored())[0].at
    assert datetime(2026, 4, 30, 20, 30, 0, 123_000, tzinfo=UTC) == at
    assert timedelta(0) == at.utcoffset()


async def test_a_missing_id_is_made_from_user_track_action_and_millisecond() -> None:
    door = Door()
    berlin = timezone(timedelta(hours=2))
    same = [
        listen("a", id=""),
        listen("a", id="", at=NOON.astimezone(berlin)),
        listen("a", id="", at=NOON + timedelta(microseconds=999)),
        listen("a", id="", source="web"),
    ]
    others = [
        listen("b", id=""),
        listen("a", id="", action="like"),
        listen("a", id="", at=NOON + timedelta(milliseconds=1)),
    ]

    assert Receipt(1, 3, []) == await door.take(*same)
    assert Receipt(3, 0, []) == await door.take(*others)
    assert {22} == {len(one.id) for one in await door.stored()}


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_an_id_does_not_depend_on_the_zone_it_was_sent_in(at, minutes) -> None:
    there = at.astimezone(timezone(timedelta(minutes=minutes)))

    assert listen_id(listen("a"), at) == listen_id(listen("a"), there)
