"""One process's two levels: who is asked, who waits, what is kept."""

import asyncio
import tracemalloc
from collections.abc import Iterator

import pytest

from service.cache import two_level as module
from service.cache.absent import Absent
from service.cache.answer import Answer
from service.cache.memory import MemoryShared
from service.cache.protocol import ERASED, SharedUnavailable
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel

KEY = "u1|v1.0|20"


class Desk:
    """A cache, and a store that can be slow."""

    def __init__(self, shared: MemoryShared | None = None, *, linked: bool = True) -> None:
        self.now, self.rev, self.loads = 100.0, 1, 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.shared, self.revs = shared, Revs()
        self.cache = TwoLevel(1 << 20, self.revs, shared, clock=lambda: self.now, draw=lambda: 0.5)
        if shared is not None and linked:
            self.cache.regained()

    async def load(self) -> Answer | None:
        self.loads += 1
        rev = self.rev
        await self.gate.wait()
        return Answer(b"{}", "t", rev, self.now, 0.2, 900.0, 300.0) if rev else None

    async def get(self, user_id: str = "u1") -> tuple[int, str] | None:
        served = await self.cache.get(user_id, f"{user_id}|v1.0|20", self.load)
        return served and (served[0].rev, served[1])


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def shared_of(desk: Desk) -> MemoryShared:
    return MemoryShared(lambda: desk.now)


@pytest.fixture
def pair() -> tuple[Desk, Desk]:
    clock = [100.0]
    shared = MemoryShared(lambda: clock[0])
    return Desk(shared), Desk(shared)


async def test_the_first_asks_the_store_the_second_the_shared_level_and_then_nobody(pair) -> None:
    mine, theirs = pair

    first = await mine.get()
    await settle()

    assert [(1, "miss"), (1, "shared"), (1, "local")] == [
        first,
        await theirs.get(),
        await theirs.get(),
    ]
    assert (1, 0) == (mine.loads, theirs.loads)


async def test_who_comes_meanwhile_waits_for_the_same_work() -> None:
    desk = Desk()
    desk.gate.clear()
    waiting = [asyncio.create_task(desk.get()) for _ in range(100)]
    await settle()
    desk.gate.set()

    assert {(1, "miss")} == set(await asyncio.gather(*waiting))
    assert 1 == desk.loads


async def test_who_leaves_takes_the_work_from_nobody() -> None:
    desk = Desk()
    desk.gate.clear()
    leaving, staying = asyncio.create_task(desk.get()), asyncio.create_task(desk.get())
    await settle()

    leaving.cancel()
    desk.gate.set()

    assert (1, "miss") == await staying
    assert 1 == desk.loads


async def test_who_comes_after_a_change_does_not_get_what_was_begun_before() -> None:
    desk = Desk()
    desk.gate.clear()
    before = asyncio.create_task(desk.get())
    await settle()
    desk.rev = 2
    await desk.cache.note("u1", 2)

    after = asyncio.create_task(desk.get())
    await settle()
    desk.gate.set()

    assert [(1, "miss"), (2, "miss")] == [await before, await after]
    assert (2, "local") == await desk.get()


@pytest.mark.parametrize("event", ["regained", "forget_all"])
async def test_what_was_begun_before_everything_was_forgotten_is_served_and_not_kept(event) -> None:
    desk = Desk(MemoryShared(lambda: 100.0))
    desk.gate.clear()
    before = asyncio.create_task(desk.get())
    await settle()

    getattr(desk.cache, event)()
    desk.gate.set()

    assert (1, "miss") == await before
    assert desk.cache.hit("u1", KEY) is None


async def test_a_stale_answer_bridges_the_making_of_the_next() -> None:
    desk = Desk()
    await desk.get()
    desk.now += 400  # 300 fresh, 300 stale
    desk.gate.clear()

    assert (1, "local") == await desk.get()
    await settle()
    assert 2 == desk.loads
    desk.gate.set()
    await settle()
    assert desk.cache.hit("u1", KEY) is not None


async def test_a_stale_answer_of_an_older_rev_bridges_nothing() -> None:
    desk = Desk()
    await desk.get()
    desk.now += 400
    desk.rev = 2
    await desk.cache.note("u1", 2)

    assert (2, "miss") == await desk.get()


async def test_close_to_its_end_an_answer_is_refreshed_ahead_and_nobody_waits() -> None:
    desk = Desk()
    await desk.get()
    desk.now += 300 - 0.1  # cost 0.2 s, draw 0.5: due from 0.14 s before the end
    desk.gate.clear()

    assert (1, "local") == await desk.get()
    await settle()
    assert 2 == desk.loads
    desk.gate.set()
    await settle()


async def test_a_loader_that_fails_fails_those_who_wait_and_gives_the_lease_back(pair) -> None:
    mine, theirs = pair

    async def fail() -> Answer | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await mine.cache.get("u1", KEY, fail)
    await settle()

    assert (1, "miss") == await theirs.get()


async def test_with_the_link_down_answers_are_good_for_half_a_minute() -> None:
    desk = Desk(MemoryShared(lambda: 100.0))
    await desk.get()
    desk.cache.lost(desk.now)

    desk.now += module.TRUST_S
    assert (1, "local") == await desk.get()
    desk.now += 1
    assert "local" != (await desk.get() or (0, ""))[1]


async def test_a_shared_level_that_is_down_costs_nothing_but_the_hit(monkeypatch) -> None:
    shared = MemoryShared(lambda: 100.0)

    async def down(*_: object) -> None:
        raise SharedUnavailable

    for name in ("read", "claim", "put", "note"):
        monkeypatch.setattr(shared, name, down)
    desk = Desk(shared, linked=False)

    assert [(1, "miss"), (1, "local")] == [await desk.get(), await desk.get()]
    await desk.cache.close()


async def test_of_a_user_nobody_knows_the_store_is_asked_once_in_half_a_minute() -> None:
    desk = Desk()
    desk.rev = ERASED

    assert [None, None] == [await desk.get(), await desk.get()]
    assert 1 == desk.loads
    desk.now += 61
    await desk.get()
    assert 2 == desk.loads


async def test_a_user_who_becomes_known_is_known_at_once() -> None:
    desk = Desk()
    desk.rev = ERASED
    await desk.get()

    desk.rev = 2
    await desk.cache.note("u1", 2)

    assert (2, "miss") == await desk.get()


IDS = 20_000


async def flood(desk: Desk) -> tuple[int, int]:
    """Loads caused by strangers who each ask twice, and hits of a listener meanwhile."""
    await desk.get("listener")
    known, desk.rev, desk.loads = desk.rev, ERASED, 0
    for _ in range(2):
        for number in range(IDS):
            await desk.get(f"stranger{number}")
    loads, desk.rev = desk.loads, known
    return loads, int(desk.cache.hit("listener", "listener|v1.0|20") is not None)


async def test_a_flood_of_made_up_ids_costs_one_look_each_and_no_listener_anything() -> None:
    desk = Desk()
    desk.cache = TwoLevel(16 << 20, desk.revs, clock=lambda: desk.now)

    assert (IDS, 1) == await flood(desk)
    assert desk.cache._absent.size_bytes <= (16 << 20) * module.ABSENT_SHARE


async def test_without_negative_entries_every_question_would_be_a_look(monkeypatch) -> None:
    monkeypatch.setattr(Absent, "add", lambda *_: None)

    assert (2 * IDS, 1) == await flood(Desk())


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_the_table_of_strangers_does_not_grow(traced: None) -> None:
    absent = Absent(1 << 20, lambda: 0.0)
    before = tracemalloc.get_traced_memory()[0]

    for number in range(20_000):
        absent.add(f"stranger{number}")

    assert tracemalloc.get_traced_memory()[0] - before < 10_000
    assert "stranger19999" in absent
    absent.remove("stranger19999")
    assert "stranger19999" not in absent
