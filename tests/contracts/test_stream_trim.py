"""What may be removed from a stream of events, and when there is too much of them."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.bus import START, Entry, Stream, UserUpdated
from service.errors import Overloaded
from tests.faults.sizes import size
from tests.streams import events, opened, places, revs


async def too_much(stream: Stream, event: UserUpdated) -> None:
    for _ in range(100):
        await stream.publish([event])


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
    await stream.keep_from("r", taken[0].place)
    assert 2 == (await stream.lags())["r"].waiting


async def test_too_much_that_waits_is_refused_until_somebody_reads(
    stream: Stream, request: pytest.FixtureRequest
) -> None:
    async with opened(request, most_waiting=10) as small:
        await small.keep_from("r", START)
        with pytest.raises(Overloaded, match="again in a moment"):
            await too_much(small, UserUpdated("u1", 1))
        everything = await small.read(START, limit=1000)
        assert len(everything) <= 11
        await small.keep_from("r", everything[-1].place)

        await small.publish(events(7))

        assert [7] == revs(await small.read(everything[-1].place, limit=10))


async def test_few_events_may_be_too_much_by_their_size(
    stream: Stream, request: pytest.FixtureRequest
) -> None:
    large = UserUpdated("u" * 100_000, 1)
    async with opened(request, most_bytes=1_000_000) as small:
        await small.keep_from("r", START)
        with pytest.raises(Overloaded, match="again in a moment"):
            await too_much(small, large)
        everything = await small.read(START, limit=1000)
        assert 8 <= len(everything) <= 12
        await small.keep_from("r", everything[-1].place)

        await small.publish([large])


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
