"""What trends: whose plays count, and for how much."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

from service.domain import COUNTED, HEARD_MS, SUPPORT, Listen
from service.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NUMBERS = count()


def of(track_id: str, *users: str, at: datetime = NOON, **more) -> list[Listen]:
    """One listen of each of these users."""
    ids = (str(next(NUMBERS)) for _ in users)
    return [
        Listen(id=one, user_id=user, track_id=track_id, at=at, **more)
        for one, user in zip(ids, users, strict=True)
    ]


async def test_plays_likes_and_saves_that_have_a_time_count_by_the_hour(store: Store) -> None:
    at = NOON + timedelta(minutes=59, milliseconds=5)
    await store.append(
        [
            *of("t1", "u1", "u2", "u3", at=at),
            *of("t1", "u4", at=NOON + HOUR, action="like"),
            *of("t1", "u5", action="save"),
            *of("t1", "u6", action="skip"),
            *of("t1", "u7", timed=False),
            *of("t1", "u9", flag="late"),
            *of("t1", "u10", flag="clamped"),
            *of("t1", "u8", at=NOON - timedelta(minutes=1)),
        ]
    )

    assert [("t1", NOON, 5), ("t1", NOON + HOUR, 1)] == await store.hourly_plays(NOON)


async def test_a_day_of_one_user_counts_as_the_logarithm_of_the_plays_and_four_at_most(
    store: Store,
) -> None:
    for plays, (user, expected) in zip(
        (1, 2, 3, 7, 14, 15, 10_000), enumerate((1, 1, 2, 3, 3, 4, 4)), strict=True
    ):
        await store.append(of(f"t{user}", f"u{user}", plays=plays))
        await store.append(of(f"t{user}", "x", "y"))

        assert (f"t{user}", NOON, expected + 2) == (await store.hourly_plays(NOON))[-1]
    assert COUNTED[0][1] == 4


async def test_each_day_counts_for_itself_in_its_last_hour(store: Store) -> None:
    midnight = NOON + 12 * HOUR
    await store.append(
        [
            *of("t", "u1", at=NOON),
            *of("t", "u1", at=midnight - timedelta(milliseconds=1)),
            *of("t", "u1", at=midnight, plays=3),
            *of("t", "u2", "u3"),
        ]
    )

    expected = [("t", NOON, 2), ("t", midnight - HOUR, 1), ("t", midnight, 2)]
    assert expected == await store.hourly_plays(NOON)


async def test_fewer_than_three_users_make_no_trend_however_much_they_play(store: Store) -> None:
    for number in range(SUPPORT - 1):
        await store.append(of("t", f"u{number}", plays=1_000))
        assert [] == await store.hourly_plays(NOON)
    await store.append(of("t", "one more"))

    assert [("t", NOON, 4 * (SUPPORT - 1) + 1)] == await store.hourly_plays(NOON)


async def test_a_play_of_less_than_half_a_minute_counts_nothing(store: Store) -> None:
    await store.append(
        [
            *of("t", "u1", ms_played=HEARD_MS - 1),
            *of("t", "u2", "u3", ms_played=HEARD_MS),
            *of("t", "u4"),
            *of("t", "u5", action="like", ms_played=0),
        ]
    )

    assert [("t", NOON, 4)] == await store.hourly_plays(NOON)


async def test_a_probe_makes_no_trend(store: Store) -> None:
    await store.append(of("t", "u1", "u2", "~probe"))

    assert [] == await store.hourly_plays(NOON)


async def test_what_is_behind_the_mark_is_not_counted_and_all_before_it_is(store: Store) -> None:
    """While others store; of a store without moments it is only said when nobody does."""
    await store.append(of("t", *(f"u{number}" for number in range(SUPPORT))))
    stored, done = SUPPORT, False

    async def go_on() -> None:
        nonlocal stored
        while not done:
            await store.append(of("t", f"u{stored}"))
            stored += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(go_on()) if await store.last_number() is not None else None
    found = [await store.plays_at_mark(NOON) for _ in range(20)]
    done = True
    if others is not None:
        await others

    for plays, mark in found:
        told = {one.id async for some, _ in store.stored_since("", until=mark) for one in some}
        assert [("t", NOON, len(told))] == plays
    assert await store.plays_at_mark(NOON) == (
        await store.hourly_plays(NOON),
        await store.stored_mark(),
    )
