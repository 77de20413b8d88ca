"""Facts reach every subscriber, in order."""

import asyncio

import pytest
import structlog

from service.bus import START, Bus, ModelPublished, UserUpdated
from service.bus.memory import MemoryStream
from service.errors import Overloaded

UPDATED = UserUpdated("u1", 3)


async def test_subscribers_hear_their_facts_in_the_order_they_subscribed() -> None:
    bus, heard = Bus(), []

    async def first(fact: object) -> None:
        heard.append(("first", fact))

    async def second(fact: object) -> None:
        heard.append(("second", fact))

    bus.subscribe(UserUpdated, first)
    bus.subscribe(UserUpdated, second)
    await bus.publish(UPDATED)
    await bus.publish(ModelPublished("v1"))

    assert [("first", UPDATED), ("second", UPDATED)] == heard


async def test_publish_returns_when_everybody_has_heard() -> None:
    """An answer that follows a publish already sees its effect."""
    bus, heard = Bus(), []

    async def slow(fact: object) -> None:
        await asyncio.sleep(0.01)
        heard.append(fact)

    bus.subscribe(UserUpdated, slow)
    await bus.publish(UPDATED)

    assert [UPDATED] == heard


async def test_a_subscriber_that_fails_is_logged_and_the_rest_still_hear() -> None:
    bus, heard = Bus(), []

    async def broken(fact: object) -> None:
        raise RuntimeError("no")

    async def sound(fact: object) -> None:
        heard.append(fact)

    bus.subscribe(UserUpdated, broken)
    bus.subscribe(UserUpdated, sound)
    with structlog.testing.capture_logs() as logs:
        await bus.publish(UPDATED)

    assert [UPDATED] == heard
    assert [("subscriber failed", "UserUpdated")] == [(log["event"], log["fact"]) for log in logs]


async def test_a_fact_nobody_subscribed_to_is_no_error() -> None:
    await Bus().publish(UPDATED)


async def test_what_is_told_is_heard_here_and_then_by_everybody() -> None:
    stream, heard = MemoryStream(), []
    bus = Bus(stream)

    async def hear(fact: object) -> None:
        heard.append((fact, len(await stream.read(START, limit=10))))

    bus.subscribe(UserUpdated, hear)
    await bus.tell(UPDATED)
    await bus.send(ModelPublished("v1"))

    assert [(UPDATED, 0)] == heard
    assert [UPDATED, ModelPublished("v1")] == [
        entry.fact for entry in await stream.read(START, limit=10)
    ]


async def test_this_process_hears_what_the_stream_did_not_take() -> None:
    stream, heard = MemoryStream(most_waiting=1), []
    bus = Bus(stream)

    async def hear(fact: object) -> None:
        heard.append(fact)

    bus.subscribe(UserUpdated, hear)
    await stream.keep_from("r", START)
    await bus.send(UPDATED)
    with pytest.raises(Overloaded):
        await bus.tell(UPDATED)

    assert [UPDATED] == heard


async def test_without_a_stream_there_is_nobody_to_send_to() -> None:
    await Bus().send(UPDATED)


async def test_a_stream_that_nobody_reads_forgets_instead_of_refusing() -> None:
    stream = MemoryStream(most_waiting=10)
    for rev in range(25):
        await stream.publish([UserUpdated("u1", rev)])

    left = [entry.fact for entry in await stream.read(START, limit=100)]
    assert 0 < len(left) <= 10
    assert UserUpdated("u1", 24) == left[-1]


async def test_one_event_alone_may_be_as_large_as_it_likes() -> None:
    stream = MemoryStream(most_bytes=500)
    await stream.keep_from("r", START)
    await stream.publish([UserUpdated("u" * 1_000, 0)])
    with pytest.raises(Overloaded):
        await stream.publish([UPDATED])
    (first,) = await stream.read(START, limit=10)
    await stream.keep_from("r", first.place)

    await stream.publish([UPDATED])

    assert [UPDATED] == [entry.fact for entry in await stream.read(START, limit=10)]
