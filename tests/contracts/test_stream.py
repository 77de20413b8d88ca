"""What a stream of events promises; every adapter runs this suite."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.bus import START, Entry, Event, ListenStored, Stream, UserUpdated
from service.bus.memory import MemoryStream
from service.bus.redis_streams import RedisStream
from service.domain import Listen
from service.errors import BusUnavailable, Overloaded
from tests import servers
from tests.faults.sizes import size


@pytest.fixture(params=["memory", "redis"])
async def stream(request: pytest.FixtureRequest) -> AsyncIterator[Stream]:
    async with opened(request) as one:
        yield one


class opened:  # noqa: N801 - reads as what it does
    """A stream of the asked adapter, empty, with room for `most_waiting`."""

    def __init__(self, request: pytest.FixtureRequest, **options: Any) -> None:
        self._request, self._options, self._prefix = request, options, f"test-{uuid4().hex}"

    async def __aenter__(self) -> Stream:
        if self._request.node.callspec.params["stream"] == "memory":
            self._stream: Stream = MemoryStream(**self._options)
        else:
            url = self._request.getfixturevalue("valkey_url")
            self._stream = RedisStream(url, prefix=self._prefix, **self._options)
        return self._stream

    async def __aexit__(self, *_: object) -> None:
        await self._stream.close()
        if isinstance(self._stream, RedisStream):
            async with Redis.from_url(self._request.getfixturevalue("valkey_url")) as redis:
                async for key in redis.scan_iter(f"{self._prefix}:*"):
                    await redis.delete(key)


def events(*revs: int) -> list[Event]:
    return [UserUpdated(f"u{rev}", rev) for rev in revs]


async def too_much(stream: Stream) -> None:
    for rev in range(100):
        await stream.publish(events(rev))


def revs(entries: Sequence[Entry]) -> list[int | None]:
    return [entry.fact.rev for entry in entries if isinstance(entry.fact, UserUpdated)]


def places(entries: Sequence[Entry]) -> list[str]:
    return [entry.place for entry in entries]


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


async def test_trimming_spares_what_anybody_needs(stream: Stream) -> None:
    await stream.publish(events(*range(10)))
    assert 0 == await stream.trim()  # nobody has said what is needed
    everything = await stream.read(START, limit=10)
    taken = await stream.take("g", "c", limit=6)
    await stream.settle("g", places(taken)[:2] + places(taken)[3:])  # event 2 is still owned
    await stream.keep_from("r", places(everything)[4])

    assert 2 == await stream.trim()
    assert list(range(2, 10)) == revs(await stream.read(START, limit=100))
    await stream.settle("g", places(taken)[2:3])
    assert 3 == await stream.trim()
    await stream.keep_from("r", places(everything)[1])  # a reader never goes back
    await stream.keep_from("r", places(everything)[9])
    assert 1 == await stream.trim()
    assert [6, 7, 8, 9] == revs(await stream.take("g", "c", limit=10))


async def test_lags_say_how_far_behind_everybody_is(stream: Stream) -> None:
    await stream.publish(events(1, 2, 3))
    await stream.keep_from("r", START)
    taken = await stream.take("g", "c", limit=2)
    await asyncio.sleep(0.02)

    lags = await stream.lags()

    assert {"r": (3, 0), "g": (1, 2)} == {
        name: (lag.waiting, lag.owned) for name, lag in lags.items()
    }
    assert all(0.01 < lag.oldest_s < 10 for lag in lags.values())
    await stream.settle("g", places(taken))
    await stream.settle("g", places(await stream.take("g", "c", limit=2)))
    assert 0.0 == (await stream.lags())["g"].oldest_s


async def test_too_much_that_waits_is_refused_until_somebody_reads(
    stream: Stream, request: pytest.FixtureRequest
) -> None:
    async with opened(request, most_waiting=10) as small:
        await small.keep_from("r", START)
        with pytest.raises(Overloaded, match="again in a moment"):
            await too_much(small)
        everything = await small.read(START, limit=1000)
        assert len(everything) <= 11
        await small.keep_from("r", everything[-1].place)

        await small.publish(events(7))

        assert [7] == revs(await small.read(everything[-1].place, limit=10))


async def test_whoever_gives_up_waiting_takes_nobody_else_along(stream: Stream) -> None:
    tasks = [asyncio.ensure_future(stream.publish(events(rev))) for rev in range(10)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert set(range(1, 10)) <= set(revs(await stream.read(START, limit=100)))


@settings(
    max_examples=size(50, 1000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from("paabbssooxdkktt"), st.integers(0, 5)), min_size=20))
async def test_no_event_is_trimmed_that_somebody_needs(
    stream: Stream, request: pytest.FixtureRequest, steps: list[tuple[str, int]]
) -> None:
    """The lowest unsettled event of any group is never before the first one there is.

    And after trimming it is the first one.
    """
    async with opened(request) as one:
        published, owned, passed, kept = 0, {"a": dict[str, int | None](), "b": {}}, -1, START
        given_out = {"a": 0, "b": 0}
        await one.take("a", "c", limit=1)
        await one.take("b", "c", limit=1)
        await one.keep_from("r", START)
        for step, number in steps:
            if step == "p":
                await one.publish(events(*range(published, published + 2 * number)))
                published += 2 * number
            elif step in owned:
                taken = await one.take(step, "c", limit=number + 1)
                assert list(range(given_out[step], given_out[step] + len(taken))) == revs(taken)
                given_out[step] += len(taken)
                owned[step] |= dict(zip(places(taken), revs(taken), strict=True))
            elif step in "so":
                group = "a" if step == "s" else "b"
                for place in list(owned[group])[max(number - 2, 0) :]:
                    await one.settle(group, [place])
                    del owned[group][place]
            elif step == "x":  # another consumer has them now: they are needed all the same
                over = await one.take_over("a", "heir", idle_s=0, limit=number + 1)
                assert sorted(owned["a"].values())[: number + 1] == revs(over)  # type: ignore[type-var]
            elif step == "d" and owned["b"]:
                first = min(owned["b"], key=lambda place: owned["b"][place] or 0)
                await one.bury("b", Entry(first, UserUpdated("u", owned["b"].pop(first))), "no use")
            elif step == "k":
                read = await one.read(kept, limit=number + 1)
                if read:
                    kept, passed = read[-1].place, revs(read)[-1] or 0
                    await one.keep_from("r", kept)
            else:
                await one.trim()
            left = set(revs(await one.read(START, limit=10_000)))
            needed = {rev for of in owned.values() for rev in of.values()}
            needed |= set(range(min(passed + 1, *given_out.values()), published))
            assert needed <= left
            assert step != "t" or min(needed, default=None) == min(left, default=None)  # type: ignore[type-var]


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
