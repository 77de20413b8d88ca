"""Room for lists: no more than the limit at once, a short wait for the rest, the newest first."""

import asyncio

import pytest

from service.api import room as rooms
from service.api.concurrency_limit import FEWEST, Limit
from service.api.room import Room


def room_of(places: float) -> Room:
    return Room(timeout_s=1.0, limit=Limit(places, least=1.0))


async def crowd(room: Room, many: int, *, makes_s: float) -> list[tuple[int, bool]]:
    """Who got in, in the order in which that was known; everybody who did makes a list."""
    said = list[tuple[int, bool]]()

    async def one(number: int) -> None:
        entered = await room.enter()
        said.append((number, entered))
        if entered:
            await asyncio.sleep(makes_s)
            room.leave(0.0)

    await asyncio.gather(*(one(number) for number in range(many)))
    return said


async def test_as_many_are_let_in_at_once_as_there_is_room_for() -> None:
    room, within, most = room_of(3), 0, 0

    async def one() -> None:
        nonlocal within, most
        if not await room.enter():
            return
        within += 1
        most = max(most, within)
        await asyncio.sleep(0.001)
        within -= 1
        room.leave(0.0)

    await asyncio.gather(*(one() for _ in range(20)))

    assert 3 == most
    assert not room.full


async def test_who_came_last_gets_the_next_place() -> None:
    said = await crowd(room_of(1), 4, makes_s=0.001)

    assert [(0, True), (3, True), (2, True), (1, True)] == said


async def test_whoever_finds_no_room_in_time_is_told_so() -> None:
    said = await crowd(room_of(1), 3, makes_s=5 * rooms.PATIENCE_S)

    assert {(0, True), (1, False), (2, False)} == set(said)


async def test_without_patience_a_crowd_that_is_soon_over_gets_nothing(monkeypatch) -> None:
    """The control."""
    monkeypatch.setattr(rooms, "PATIENCE_S", 0.0)

    said = await crowd(room_of(1), 4, makes_s=0.005)

    assert [True] == [entered for _, entered in said if entered]


async def test_more_than_a_bounded_number_does_not_wait_for_room(monkeypatch) -> None:
    monkeypatch.setattr(rooms, "MOST_WAITING", 2)

    said = await crowd(room_of(1), 5, makes_s=0.0)

    assert {(0, True), (1, True), (2, True), (3, False), (4, False)} == set(said)


@pytest.mark.parametrize("pause_s, often", [(rooms.PAUSE_S, False), (0.0, True)])
async def test_whoever_asks_again_and_again_is_answered_after_a_pause(
    pause_s: float, *, often: bool, monkeypatch
) -> None:
    """Without one, the control, they are answered as fast as the loop turns."""
    monkeypatch.setattr(rooms, "MOST_WAITING", 0)
    monkeypatch.setattr(rooms, "PAUSE_S", pause_s)
    room, answers = room_of(1), 0
    await room.enter()
    until = asyncio.get_running_loop().time() + 10 * rooms.PATIENCE_S

    while asyncio.get_running_loop().time() < until:
        assert not await room.enter()
        answers += 1

    assert often == (answers > 60)


async def test_whoever_leaves_while_waiting_takes_no_place() -> None:
    room = room_of(1)
    await room.enter()
    waiting = asyncio.create_task(room.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    room.leave(0.0)

    assert not room.full
    assert await room.enter()


async def test_a_turn_that_comes_just_when_its_owner_leaves_goes_to_the_next() -> None:
    room = room_of(1)
    await room.enter()
    next_one = asyncio.create_task(room.enter())
    await asyncio.sleep(0)
    newest = asyncio.create_task(room.enter())
    await asyncio.sleep(0)
    room.leave(0.0)  # the newest gets it,
    newest.cancel()  # and is gone before it knows
    await asyncio.gather(newest, return_exceptions=True)

    assert await next_one
    assert room.full


@pytest.mark.parametrize("took_s, grows", [(0.5, False), (0.1, True)])
async def test_the_limit_learns_from_how_long_lists_take_with_the_wait(
    took_s: float, *, grows: bool
) -> None:
    """Late is 0.4 of the deadline of a second."""
    now = 0.0
    room = Room(timeout_s=1.0, limit=Limit(2.0, least=1.0, more=1.0), clock=lambda: now)
    for _ in range(FEWEST):
        await room.enter()
        await room.enter()
        asked, now = now, now + took_s
        room.leave(asked)
        room.leave(asked)

    assert (room.limit.value > 2) == grows
    assert (room.limit.value < 2) != grows
