"""What a stream of events promises; every adapter runs this suite."""

import asyncio

import pytest

from service.bus import START, ListenStored, Stream
from service.bus.redis_streams import RedisStream
from service.domain import Listen
from service.errors import BusUnavailable
from tests import servers
from tests.streams import events, places, revs


async def test_a_reader_sees_every_event_in_order_from_where_it_is(stream: Stream) -> None:
    listen = Listen(user_id="u1", track_id="t1", id="l1", source='"☃\n')
    await stream.publish([ListenStored([listen], again=[0]), *events(1)])
    await stream.publish(events(2, 3))

    everything = await stream.read(START, limit=10)

    assert [ListenStored([listen], again=[0]), *events(1, 2, 3)] == [one.fact for one in everything]
    assert everything[2:3] == await stream.read(everything[1].place, limit=1)
    assert [] == await stream.read(everything[-1].place, limit=10)


async def test_a_reader_waits_for_the_next_event(stream: Stream) -> None:
    waiting = asyncio.ensure_future(stream.read(START, limit=10, wait_s=5.0))
    await asyncio.sleep(0.05)
    await stream.publish(events(1))

    assert [1] == revs(await waiting)
    assert [] == await stream.read("9999999999999-0", limit=10, wait_s=0.02)


async def test_a_group_shares_events_out(stream: Stream) -> None:
    await stream.publish(events(*range(20)))

    shares = await asyncio.gather(*(stream.take("g", f"c{n}", limit=7) for n in range(4)))

    assert list(range(20)) == sorted(rev for share in shares for rev in revs(share))  # type: ignore[type-var]
    assert list(range(20)) == revs(await stream.take("other", "c", limit=100))


async def test_what_is_settled_never_comes_again(stream: Stream) -> None:
    await stream.publish(events(1, 2, 3))
    taken = await stream.take("g", "dead", limit=10)
    await stream.settle("g", places(taken)[:1])
    await stream.settle("g", ["1-1", *places(taken)[:1]])  # unknown, and twice

    assert [] == await stream.take_over("g", "alive", idle_s=60, limit=10)
    over = await stream.take_over("g", "alive", idle_s=0, limit=10)
    assert ([2, 3], [2, 2]) == (revs(over), [entry.deliveries for entry in over])
    await stream.settle("g", places(over))
    assert [] == await stream.take_over("g", "alive", idle_s=0, limit=10)
    assert [] == await stream.take("g", "alive", limit=10)


async def test_what_is_held_is_not_taken_over_and_what_was_lost_is_named(stream: Stream) -> None:
    await stream.publish(events(1, 2, 3))
    mine = places(await stream.take("g", "slow", limit=3))
    await asyncio.sleep(0.1)
    await stream.settle("g", mine[:1])
    assert [2] == revs(await stream.take_over("g", "quick", idle_s=0.05, limit=1))

    assert mine[2:] == await stream.hold("g", "slow", mine)

    assert [] == await stream.take_over("g", "quick", idle_s=0.05, limit=10)
    assert [] == await stream.hold("none", "slow", mine)
    assert [] == await stream.hold("g", "slow", [])
    everything = await stream.take_over("g", "slow", idle_s=0, limit=10)
    assert [3, 2] == [entry.deliveries for entry in everything]  # to hold is no delivery


async def test_what_a_dead_consumer_owned_is_found_behind_what_is_worked_on(
    stream: Stream,
) -> None:
    await stream.publish(events(*range(60)))
    slow = places(await stream.take("g", "slow", limit=50))
    await stream.take("g", "dead", limit=10)
    await asyncio.sleep(0.1)
    await stream.hold("g", "slow", slow)

    assert [50] == revs(await stream.take_over("g", "alive", idle_s=0.05, limit=1))


async def test_nobody_takes_over_from_a_group_that_is_none(stream: Stream) -> None:
    assert [] == await stream.take_over("none", "c", idle_s=0, limit=10)
    await stream.settle("none", ["1-1"])


async def test_a_dead_event_says_why_and_is_told_again_once(stream: Stream) -> None:
    await stream.publish(events(1, 2))
    bad, good = await stream.take("g", "c", limit=10)
    await stream.bury("g", bad, "cannot be ☃")
    await stream.bury("g", bad, "a zombie says so later")
    await stream.settle("g", [good.place])

    (dead,) = await stream.dead()

    assert ("g", "user.updated", "cannot be ☃", 1) == (
        dead.group,
        dead.topic,
        dead.reason,
        dead.deliveries,
    )
    assert [True, False] == [await stream.replay(dead.place) for _ in range(2)]
    assert [] == await stream.dead()
    assert [1] == revs(await stream.take("g", "c", limit=10))


async def test_a_reader_sets_aside_what_it_cannot_digest(stream: Stream) -> None:
    await stream.publish(events(1, 2))
    await stream.keep_from("r", START)
    bad, _ = await stream.read(START, limit=10)

    await stream.bury("r", bad, "no use")

    assert ["no use"] == [dead.reason for dead in await stream.dead()]
    assert 0 == (await stream.lags())["r"].owned


@pytest.mark.parametrize("place", ["", "x", "1", "1-1-1", "-", "\0", "1-99999999999999999999999"])
async def test_only_a_dead_event_is_told_again(stream: Stream, place: str) -> None:
    assert not await stream.replay(place)


async def test_whoever_gives_up_waiting_takes_nobody_else_along(stream: Stream) -> None:
    tasks = [asyncio.ensure_future(stream.publish(events(rev))) for rev in range(10)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert set(range(1, 10)) <= set(revs(await stream.read(START, limit=100)))


async def test_a_stream_that_does_not_answer_says_so() -> None:
    stream = RedisStream(f"redis://127.0.0.1:{servers.free_port()}")
    for ask in (
        stream.publish(events(1)),
        stream.read(START, limit=1),
        stream.take("g", "c", limit=1),
        stream.take_over("g", "c", idle_s=0, limit=1),
        stream.hold("g", "c", ["1-1"]),
        stream.settle("g", ["1-1"]),
        stream.dead(),
        stream.replay("1-1"),
        stream.trim(),
        stream.lags(),
    ):
        with pytest.raises(BusUnavailable, match="did not answer"):
            await ask
    await stream.close()
