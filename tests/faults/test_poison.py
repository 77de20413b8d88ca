"""One fact that nobody can digest: it ends among the dead, and all others are counted in order."""

import asyncio

import anyio
from redis.asyncio import Redis

from service.bus import UserUpdated
from service.bus.consumer import Consumer
from service.bus.protocol import MOST_DELIVERIES
from tests.faults.event_worker import GROUP, STUBBORN
from tests.faults.events import Line
from tests.faults.sizes import say, size

FACTS = size(1_000, 10_000)
BAD = FACTS // 3


class Picky:
    """Counts what comes, but for one fact."""

    def __init__(self, line: Line, bad: int) -> None:
        self.tally, self.bad, self.tries = line.tally, bad, 0

    async def __call__(self, fact: UserUpdated) -> None:
        if fact.rev == self.bad:
            self.tries += 1
            raise ValueError("rev makes no sense")
        await self.tally(fact)


async def test_one_bad_fact_is_set_aside_and_the_others_count_once_in_order(line: Line) -> None:
    await line.publish(FACTS)
    picky = Picky(line, BAD)
    one = Consumer(line.stream, GROUP, picky, wait_s=0.05, backoff_s=0.01)
    one.start()
    await line.until_settled()

    (dead,) = await line.stream.dead()
    say(f"{FACTS} facts, 1 bad: {len(line.tally.counted())} counted, dead: {dead.reason}")
    assert [rev for rev in range(FACTS) if rev != BAD] == line.tally.counted()
    assert (MOST_DELIVERIES, MOST_DELIVERIES) == (picky.tries, dead.deliveries)
    assert (GROUP, "user.updated", "ValueError: rev makes no sense") == (
        dead.group,
        dead.topic,
        dead.reason,
    )

    picky.bad = -1  # repaired
    replays = await asyncio.gather(*(line.stream.replay(dead.place) for _ in range(5)))
    await line.until_settled()
    await one.close()
    assert [False, False, False, False, True] == sorted(replays)
    assert [*(rev for rev in range(FACTS) if rev != BAD), BAD] == line.tally.counted()
    assert [] == await line.stream.dead()


async def test_control_a_fact_that_is_never_set_aside_stops_everything(line: Line) -> None:
    await line.publish(FACTS)
    picky = Picky(line, BAD)
    one = Consumer(line.stream, GROUP, picky, backoff_s=0.0001, most_deliveries=STUBBORN)
    one.start()
    with anyio.fail_after(60):
        while picky.tries <= 2 * MOST_DELIVERIES:  # noqa: ASYNC110 - tries are polled
            await anyio.sleep(0.01)
    await one.close()

    assert list(range(BAD)) == line.tally.counted()


async def test_bytes_of_a_newer_release_are_set_aside_at_once(line: Line) -> None:
    await line.publish(10)
    async with Redis.from_url(line.url) as redis:
        for body in (b'{"type":"of.tomorrow"}', b"\xff\xfe", b"[" * 30_000):
            await redis.xadd(f"{line.prefix}:events", {b"b": body})
        await redis.xadd(f"{line.prefix}:events", {b"other": b"field"})
    await line.stream.publish([UserUpdated("u10", 10)])
    one = Consumer(line.stream, GROUP, line.tally, wait_s=0.05)
    one.start()
    await line.until_settled()
    await one.close()

    assert [1] * 4 == [dead.deliveries for dead in await line.stream.dead()]
    assert list(range(11)) == line.tally.counted()


async def died_of(line: Line, *words: str, deaths: int) -> int:
    """Starts a consumer again whenever it has died, so often at most; how often it died."""
    for death in range(deaths):
        worker = line.spawn(f"die={BAD}", *words, idle_s=0.1)
        with anyio.fail_after(60):
            while worker.poll() is None:
                if await line.settled():
                    await line.end(worker)
                    return death
                await anyio.sleep(0.02)
    return deaths


async def test_a_fact_that_kills_its_consumer_is_set_aside_after_five_deaths(line: Line) -> None:
    await line.publish(FACTS)

    deaths = await died_of(line, deaths=2 * MOST_DELIVERIES)

    (dead,) = await line.stream.dead()
    say(f"{FACTS} facts: {deaths} consumers died of one, then it was buried: {dead.reason}")
    assert (MOST_DELIVERIES, MOST_DELIVERIES) == (deaths, dead.deliveries)
    assert sorted({*range(FACTS)} - {BAD}) == sorted(line.tally.counted())


async def test_control_without_burial_consumers_go_on_dying(line: Line) -> None:
    await line.publish(FACTS)

    enough = MOST_DELIVERIES + 1
    assert enough == await died_of(line, "stubborn", deaths=enough)
    assert not await line.settled()
