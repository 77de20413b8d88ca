"""Facts reach every subscriber, in order."""

import asyncio

import structlog

from service.bus import Bus, ModelPublished, UserUpdated

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
