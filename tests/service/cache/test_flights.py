"""Work that several want is done once, and its waiting ends when nobody wants it any more."""

import asyncio
import gc
import weakref

import pytest

from service.cache.flights import Flights, while_wanted
from service.errors import OutOfTime


class Work:
    """Waits for its turn, then for the word to end; counts how often it was begun."""

    def __init__(self) -> None:
        self.turn, self.end, self.begun = asyncio.Event(), asyncio.Event(), 0

    async def __call__(self) -> int:
        with while_wanted():
            await self.turn.wait()
        self.begun += 1
        await self.end.wait()
        return self.begun


async def waiters(flights: Flights[int], work: Work, many: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.join("key", work)) for _ in range(many)]
    await asyncio.sleep(0.01)
    return tasks


async def leave(*tasks: asyncio.Task[int]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_waiting_goes_on_while_one_of_them_stays() -> None:
    flights, work = Flights[int](), Work()
    first, second = await waiters(flights, work, 2)
    await leave(first)
    work.turn.set()
    work.end.set()

    assert 1 == await second


async def test_waiting_ends_with_the_last_and_whoever_comes_then_begins_anew() -> None:
    flights, work = Flights[int](), Work()
    gone = await waiters(flights, work, 2)
    for task in gone:
        task.cancel()
    await asyncio.sleep(0)  # the old work has not ended yet when somebody else asks
    (new,) = await waiters(flights, work, 1)
    work.turn.set()
    work.end.set()

    assert 1 == await new
    assert 1 == work.begun


async def test_work_that_has_begun_goes_on_without_anybody() -> None:
    flights, work = Flights[int](), Work()
    work.turn.set()
    await leave(*await waiters(flights, work, 1))
    (late,) = await waiters(flights, work, 1)
    work.end.set()

    assert 1 == await late
    assert 1 == work.begun


async def test_who_left_before_the_waiting_began_is_not_waited_for() -> None:
    flights, before = Flights[int](), asyncio.Event()

    async def work() -> int:
        await before.wait()
        with while_wanted():
            return 7

    task = asyncio.create_task(flights.join("key", work))
    await asyncio.sleep(0)
    flight = flights.begin("key", work)
    await leave(task)
    before.set()

    with pytest.raises(OutOfTime):
        await flight


async def test_what_nobody_waits_for_from_the_first_waits_for_its_turn() -> None:
    flights, work = Flights[int](), Work()
    ahead = flights.begin("key", work)
    await asyncio.sleep(0)
    work.turn.set()
    work.end.set()

    assert 1 == await ahead


async def test_closing_ends_everything() -> None:
    flights, work = Flights[int](), Work()
    (task,) = await waiters(flights, work, 1)

    await flights.close()

    with pytest.raises(asyncio.CancelledError):
        await task


class Heavy:
    """What a flight brings; it can be seen whether it is still there."""


async def test_what_a_flight_brought_is_gone_when_nobody_holds_it() -> None:
    """A circle would keep it until the collector comes: that of 1,000 lists is 6 MB."""
    flights, seen = Flights[Heavy](), list[weakref.ref[Heavy]]()

    async def work() -> Heavy:
        heavy = Heavy()
        seen.append(weakref.ref(heavy))
        return heavy

    gc.disable()
    try:
        await flights.join("key", work)
        await asyncio.sleep(0)
        assert seen[0]() is None
    finally:
        gc.enable()
