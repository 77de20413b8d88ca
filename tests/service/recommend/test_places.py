"""Lists are made a few at a time, in the order of asking."""

import asyncio

import pytest

from service import deadline, metrics
from service.cache.flights import Flights
from service.errors import OutOfTime
from service.recommend.places import MOST, Places


async def test_no_more_are_at_work_than_there_are_places_and_who_asks_first_is_first() -> None:
    places, at_work, most, order = Places(), 0, 0, list[int]()

    async def work(number: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        order.append(number)
        await asyncio.sleep(0.001)
        at_work -= 1
        return number

    async def one(number: int) -> int:
        return await places.work(lambda: work(number), least_s=0)

    assert list(range(20)) == await asyncio.gather(*map(one, range(20)))
    assert MOST == most
    assert list(range(20)) == order


async def test_whose_turn_comes_too_late_does_no_work_and_the_next_has_the_place() -> None:
    places, began = Places(1), list[str]()
    go_on = asyncio.Event()

    async def hold() -> None:
        await go_on.wait()

    async def note(name: str) -> None:
        began.append(name)

    async def hurried() -> None:
        with deadline.within(0.02):
            await places.work(lambda: note("hurried"), least_s=0.005)

    holding = asyncio.create_task(places.work(hold, least_s=0))
    late = asyncio.create_task(hurried())
    patient = asyncio.create_task(places.work(lambda: note("patient"), least_s=0.005))
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(holding, patient)

    with pytest.raises(OutOfTime):
        await late
    assert ["patient"] == began


async def test_who_fails_or_leaves_gives_the_place_back() -> None:
    places, never = Places(1), asyncio.Event()

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await places.work(fail, least_s=0)
    gone = asyncio.create_task(places.work(never.wait, least_s=0))
    waiting = asyncio.create_task(places.work(never.wait, least_s=0))
    await asyncio.sleep(0)
    for task in (waiting, gone):
        task.cancel()
    await asyncio.gather(gone, waiting, return_exceptions=True)

    assert 7 == await asyncio.wait_for(places.work(lambda: asyncio.sleep(0, 7), least_s=0), 5)


async def test_who_waits_for_a_place_leaves_when_nobody_waits_for_the_list() -> None:
    places, flights, hold = Places(1), Flights[None](), asyncio.Event()
    holding = asyncio.create_task(places.work(hold.wait, least_s=0))
    begun = list[str]()

    async def note() -> None:
        begun.append("begun")

    asked = asyncio.create_task(flights.join("key", lambda: places.work(note, least_s=0)))
    await asyncio.sleep(0.01)
    before = metrics.ABANDONED._value.get()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    hold.set()
    await holding
    await places.work(note, least_s=0)  # the place is free again

    assert 1 == metrics.ABANDONED._value.get() - before
    assert ["begun"] == begun
