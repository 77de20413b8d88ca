"""Reads for a list: bounded in time and number, tried once, and not begun for nobody."""

import asyncio

import pytest

from service import deadline
from service.breaker import FAILURES, PAUSE_S
from service.domain import User
from service.errors import OutOfTime, StoreUnavailable
from service.store.memory import MemoryStore
from service.store.reads import Reads
from tests.service.given import listen


class Stuck(MemoryStore):
    """Counts who asks, and keeps them until the gate opens; or fails at once."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.gate, self.fails, self.asked = asyncio.Event(), fails, 0

    async def user(self, user_id: str) -> User | None:
        self.asked += 1
        if self.fails:
            raise StoreUnavailable("it is down")
        await self.gate.wait()
        return await super().user(user_id)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def ask(reads: Reads, user_id: str = "u1") -> str:
    try:
        found = await reads.listener(user_id, 10)
    except (StoreUnavailable, OutOfTime) as error:
        return type(error).__name__
    return "nobody" if found is None else f"{found[0].id} {len(found[1])}"


async def test_a_user_and_their_listens_come_together() -> None:
    store = MemoryStore()
    await store.append([listen("jazz01"), listen("jazz02", minutes=1)])
    reads = Reads(store, budget_s=5.0)

    assert ["u1 2", "nobody"] == [await ask(reads), await ask(reads, "u2")]


async def test_a_stuck_store_holds_only_so_many_reads_and_no_caller_for_long() -> None:
    store = Stuck()
    reads = Reads(store, budget_s=0.05, most=4, clock=Clock())

    said = await asyncio.gather(*(ask(reads) for _ in range(50)))

    assert {"StoreUnavailable"} == set(said)
    assert (4, 4) == (store.asked, reads.under_way)
    store.gate.set()
    await asyncio.sleep(0.01)
    assert 0 == reads.under_way


async def test_without_the_bulkhead_it_would_hold_them_all() -> None:
    store = Stuck()
    reads = Reads(store, budget_s=0.05, most=1_000, clock=Clock())

    await asyncio.gather(*(ask(reads) for _ in range(50)))

    assert 50 == store.asked
    await reads.close()


async def test_a_store_that_fails_is_asked_five_times_and_then_once_a_pause() -> None:
    store, clock = Stuck(fails=True), Clock()
    reads = Reads(store, clock=clock, budget_s=5.0)

    for _ in range(100):
        await ask(reads)
    assert FAILURES == store.asked
    clock.now += PAUSE_S
    for _ in range(100):
        await ask(reads)

    assert FAILURES + 1 == store.asked


async def test_nothing_is_read_for_a_request_without_time() -> None:
    store = Stuck(fails=True)
    reads = Reads(store, budget_s=5.0)

    with deadline.within(deadline.RESERVE_S):
        assert "OutOfTime" == await ask(reads)

    assert 0 == store.asked


@pytest.mark.parametrize("most", [1])
async def test_whoever_waited_too_long_for_room_does_not_begin(most) -> None:
    store = Stuck()
    reads = Reads(store, budget_s=5.0, most=most)
    first = asyncio.create_task(ask(reads))
    await asyncio.sleep(0)

    with deadline.within(0.05):
        assert "StoreUnavailable" == await ask(reads)

    assert 1 == store.asked
    store.gate.set()
    assert "nobody" == await first
