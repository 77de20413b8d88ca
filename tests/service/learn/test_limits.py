"""What one user and one address may send."""

import math

import pytest

from service.bus import Bus
from service.domain import Listen
from service.errors import InvalidListen, RateLimited
from service.learn.ingest import Ingest, Receipt
from service.learn.limits import Limits
from service.store.memory import MemoryStore
from tests.service.given import NOON, listen


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def limits(user: int, source: int, clock: Clock | None = None) -> Limits:
    return Limits(user_per_minute=user, source_per_minute=source, clock=clock or Clock())


def ingest(limited: Limits) -> Ingest:
    return Ingest(MemoryStore(), Bus(), {"a"}.__contains__, lambda: NOON, limits=limited)


def many(count: int, **more) -> list[Listen]:
    return [listen("a", minutes=-number, **more) for number in range(count)]


async def test_a_user_has_ten_minutes_worth_at_once_and_the_others_are_not_theirs() -> None:
    clock = Clock()
    door = ingest(limits(6, 0, clock))

    receipt = await door.take([*many(61), *many(1, user_id="u2")], source="here")

    assert (61, [60]) == (receipt.accepted, [one.index for one in receipt.rejected])
    assert "at most 6 plays a minute of one user: again in 10 s" == receipt.rejected[0].error
    clock.now = 10.0
    again = await door.take([listen("a", minutes=-60), listen("a", minutes=-61)], source="here")
    assert (1, [1]) == (again.accepted, [one.index for one in again.rejected])


async def test_plays_count_and_those_without_a_time_are_one() -> None:
    limited = limits(6, 0)
    limited.check_user(listen("a", plays=1_000_000, timed=False))
    limited.check_user(listen("a", plays=59))

    with pytest.raises(InvalidListen, match="again in 10 s"):
        limited.check_user(listen("a"))
    with pytest.raises(InvalidListen, match="again never"):
        limited.check_user(listen("a", plays=61))


async def test_what_cannot_be_true_takes_nothing_of_a_users_share() -> None:
    door = ingest(limits(1, 0))
    await door.take([listen("unknown", minutes=-number) for number in range(100)], source="here")

    assert Receipt(10, 0, []) == await door.take(many(10), source="here")


async def test_an_address_that_sends_too_much_is_told_when_to_come_back() -> None:
    clock = Clock()
    door = ingest(limits(0, 60, clock))
    await door.take(many(60), source="here")

    with pytest.raises(RateLimited, match="again in 10 s") as refused:
        await door.take(many(10), source="here")

    assert 10.0 == refused.value.retry_after_s
    assert 10 == (await door.take(many(10), source="there")).duplicates
    clock.now = 10.0
    assert 10 == (await door.take(many(10), source="here")).duplicates


def test_more_than_an_address_ever_may_is_refused_with_a_time_that_can_be_sent() -> None:
    with pytest.raises(RateLimited) as refused:
        limits(0, 60).check_source("here", 61)

    assert math.isfinite(refused.value.retry_after_s)


async def test_what_does_not_come_by_http_is_not_limited() -> None:
    door = ingest(limits(1, 1))

    assert Receipt(200, 0, []) == await door.take(many(200))


async def test_zero_is_no_limit() -> None:
    door = ingest(limits(0, 0))

    assert Receipt(200, 0, []) == await door.take(many(200), source="here")
