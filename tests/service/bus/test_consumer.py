"""A group works on its facts: each once, in order, and what cannot be digested is set aside."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from service.bus import START, Entry, UserUpdated
from service.bus.consumer import Consumer
from service.bus.memory import MemoryStream
from service.bus.redis_streams import BODY, PREFIX, RedisStream
from service.errors import BusUnavailable, StoreUnavailable

Act = Callable[[UserUpdated], Awaitable[None]]


class Work:
    """A stream, and a consumer of group g that acts on it."""

    def __init__(self, act: Act, **options: float) -> None:
        self.now = 1_000.0
        self.stream = MemoryStream(clock=lambda: self.now)
        self.act = act
        self.consumer = self.another(**options)

    def another(self, **options: float) -> Consumer:
        kept = {"wait_s": 0.0, "backoff_s": 0.0} | options
        return Consumer(self.stream, "g", self.act, **kept)  # type: ignore[arg-type]

    async def publish(self, *revs: int) -> None:
        await self.stream.publish([UserUpdated(f"u{rev}", rev) for rev in revs])

    async def left(self) -> tuple[int, int]:
        lag = (await self.stream.lags())["g"]
        return lag.waiting, lag.owned


class Noted:
    """Acts by noting; what is in `bad` raises that error."""

    def __init__(self, bad: dict[int, Exception] | None = None) -> None:
        self.bad, self.revs = bad or {}, list[int | None]()

    async def __call__(self, fact: UserUpdated) -> None:
        self.revs.append(fact.rev)
        if fact.rev in self.bad:
            raise self.bad[fact.rev]


class Asleep(MemoryStream):
    """Does not answer as many times as it is told."""

    failures = 0

    async def take_over(
        self, group: str, consumer: str, *, idle_s: float, limit: int
    ) -> list[Entry]:
        if self.failures:
            self.failures -= 1
            raise BusUnavailable("asleep")
        return await super().take_over(group, consumer, idle_s=idle_s, limit=limit)


def counted(outcome: str) -> float:
    labels = {"group": "g", "outcome": outcome}
    return REGISTRY.get_sample_value("echotune_events_total", labels) or 0.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - a test polls
            await asyncio.sleep(0.001)


async def test_facts_are_acted_on_in_order_and_settled() -> None:
    noted = Noted()
    work = Work(noted)
    await work.publish(*range(150))

    turns = [await work.consumer.turn() for _ in range(3)]

    assert ([100, 50, 0], list(range(150))) == (turns, noted.revs)
    assert (0, 0) == await work.left()


async def test_a_fact_that_fails_five_times_is_buried_and_the_rest_goes_on_in_order() -> None:
    noted = Noted({2: ValueError("no such thing ☃")})
    work = Work(noted)
    before = [counted(outcome) for outcome in ("done", "retried", "dead")]
    await work.publish(1, 2, 3)

    with structlog.testing.capture_logs() as logs:
        await work.consumer.turn()

    (dead,) = await work.stream.dead()
    assert [1, 2, 2, 2, 2, 2, 3] == noted.revs
    assert ("g", "ValueError: no such thing ☃", 5) == (dead.group, dead.reason, dead.deliveries)
    assert (0, 0) == await work.left()
    assert [2, 4, 1] == [
        counted(outcome) - was
        for outcome, was in zip(("done", "retried", "dead"), before, strict=True)
    ]
    assert [*["a fact failed"] * 4, "a fact failed for good", "a fact is buried"] == [
        log["event"] for log in logs
    ]


async def test_a_fact_that_works_the_second_time_is_no_dead_letter() -> None:
    noted = Noted({1: ValueError("not yet")})

    async def act(fact: UserUpdated) -> None:
        await noted(fact)

    async def heal() -> None:
        await until(lambda: len(noted.revs) == 2)
        noted.bad.clear()

    work = Work(act, backoff_s=0.01)
    await work.publish(1, 2)
    await asyncio.gather(work.consumer.turn(), heal())

    assert ([], [2]) == (await work.stream.dead(), noted.revs[-1:])
    assert (0, 0) == await work.left()


async def test_a_dependency_that_is_away_is_waited_for_however_long() -> None:
    noted = Noted({1: StoreUnavailable("the store did not answer")})
    work = Work(noted)
    await work.publish(1, 2)
    turn = asyncio.ensure_future(work.consumer.turn())
    await until(lambda: len(noted.revs) > 20)
    noted.bad.clear()
    await turn

    assert [] == await work.stream.dead()
    assert 2 == noted.revs[-1]


async def test_bytes_that_are_no_fact_are_buried_at_once(own_valkey_url: str) -> None:
    """Only where events travel as bytes; of this process they stay objects."""
    noted = Noted()
    stream = RedisStream(own_valkey_url)
    async with Redis.from_url(own_valkey_url) as redis:
        await redis.xadd(f"{PREFIX}:events", {BODY: b'{"type": "of.tomorrow"}'})
    await stream.publish([UserUpdated("u7", 7)])

    await Consumer(stream, "g", noted, wait_s=0.0).turn()

    (dead,) = await stream.dead()
    await stream.close()
    assert ([7], "", 1) == (noted.revs, dead.topic, dead.deliveries)
    assert "no fact that this release can read" == dead.reason


async def test_what_a_dead_consumer_owned_is_taken_over_one_by_one() -> None:
    """If it died of one fact, the deliveries of the others do not count against them."""
    noted = Noted()
    work = Work(noted)
    await work.publish(1, 2, 3)
    await work.stream.take("g", "dead", limit=10)
    await work.publish(4)

    assert [1, 0] == [await work.consumer.turn() for _ in range(2)]
    work.now += 31
    assert [1, 1, 1, 0] == [await work.consumer.turn() for _ in range(4)]
    assert [4, 1, 2, 3] == noted.revs


async def test_a_fact_that_consumers_die_of_is_buried_without_another_try() -> None:
    noted = Noted()
    work = Work(noted)
    await work.publish(1, 2)
    await work.stream.take("g", "first", limit=1)
    for death in range(4):
        work.now += 31
        await work.stream.take_over("g", f"dead {death}", idle_s=30, limit=1)
    work.now += 31

    assert [1, 1] == [await work.consumer.turn() for _ in range(2)]

    (dead,) = await work.stream.dead()
    assert ([2], 5) == (noted.revs, dead.deliveries)
    assert "died" in dead.reason


async def test_an_act_that_never_ends_is_given_up() -> None:
    async def hang(fact: UserUpdated) -> None:
        await asyncio.sleep(3600)

    work = Work(hang, idle_s=0.02)
    await work.publish(1)
    await work.consumer.turn()

    assert ["TimeoutError"] == [dead.reason.split(":")[0] for dead in await work.stream.dead()]


async def test_what_was_taken_over_meanwhile_is_not_acted_on() -> None:
    """Frozen in the middle of its batch, a consumer finds the rest of it in other hands."""
    noted = Noted()

    async def act(fact: UserUpdated) -> None:
        await noted(fact)
        if fact.rev == 1:
            time.sleep(0.02)  # noqa: ASYNC251 - frozen longer than a quarter of what may be idle
            work.now += 60
            await work.stream.take_over("g", "quicker", idle_s=30, limit=2)

    work = Work(act, idle_s=0.06)
    await work.publish(1, 2, 3)
    await work.consumer.turn()

    assert [1, 3] == noted.revs  # 2 is the quicker one's


async def test_the_end_waits_for_what_was_taken_and_takes_no_more() -> None:
    noted = Noted()

    async def slow(fact: UserUpdated) -> None:
        await asyncio.sleep(0.01)
        await noted(fact)

    work = Work(slow, batch=3)
    await work.publish(1, 2, 3, 4)
    work.consumer.start()
    await until(lambda: noted.revs == [1])
    await work.consumer.close()

    assert ([1, 2, 3], (1, 0)) == (noted.revs, await work.left())


async def test_the_end_does_not_wait_for_a_fact_that_fails() -> None:
    noted = Noted({2: ValueError("no")})
    work = Work(noted, backoff_s=3600)
    await work.publish(1, 2, 3)
    work.consumer.start()
    await until(lambda: noted.revs == [1, 2])
    await work.consumer.close()

    assert (0, 2) == await work.left()


async def test_a_stream_that_does_not_answer_is_asked_again() -> None:
    noted = Noted()
    stream = Asleep()
    consumer = Consumer(stream, "g", noted, wait_s=0.01, backoff_s=0.001)
    stream.failures = 3
    with structlog.testing.capture_logs() as logs:
        consumer.start()
        await stream.publish([UserUpdated("u1", 1)])
        await until(lambda: noted.revs == [1])
        await consumer.close()

    assert ["asleep"] * 3 == [log["reason"] for log in logs]


async def test_a_consumer_that_never_started_ends_at_once() -> None:
    await Work(Noted()).consumer.close()


async def test_consumers_share_the_facts_out() -> None:
    noted = Noted()

    async def act(fact: UserUpdated) -> None:
        await asyncio.sleep(0)
        await noted(fact)

    work = Work(act, batch=7)
    others = [work.another(batch=7, wait_s=0.01) for _ in range(3)]
    await work.publish(*range(100))
    for consumer in others:
        consumer.start()
    await until(lambda: len(noted.revs) >= 100)
    for consumer in others:
        await consumer.close()

    assert list(range(100)) == sorted(noted.revs)  # type: ignore[type-var]


async def test_a_replayed_fact_comes_once_more() -> None:
    noted = Noted({1: ValueError("no")})
    work = Work(noted)
    await work.publish(1)
    await work.consumer.turn()
    (dead,) = await work.stream.dead()
    noted.bad.clear()
    noted.revs.clear()

    await work.stream.replay(dead.place)
    await work.consumer.turn()

    assert ([1], []) == (noted.revs, await work.stream.dead())
    assert 2 == len(await work.stream.read(START, limit=10))
