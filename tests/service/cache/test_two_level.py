"""One process's two levels: who is asked, who waits, what is kept."""

import asyncio

import pytest

from service.cache import two_level as module
from service.cache.answer import Answer
from service.cache.memory import MemoryShared
from service.cache.notices import Notices
from service.cache.protocol import ERASED, SharedUnavailable
from tests.service.cache.desk import KEY, Desk, settle


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
    desk.cache.heard("u1", 1)  # even when a message says that this rev is the newest
    desk.gate.set()

    assert (1, "miss") == await before
    assert desk.cache.hit("u1", KEY) is None


async def test_an_unknown_user_of_before_everything_was_forgotten_is_looked_for_again() -> None:
    desk = Desk()
    desk.rev = ERASED
    desk.gate.clear()
    before = asyncio.create_task(desk.get())
    await settle()

    desk.cache.forget_all()
    desk.rev = 2
    desk.gate.set()

    assert await before is None
    assert (2, "miss") == await desk.get()


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


async def test_with_the_link_down_nobody_joins_work_that_began_long_ago() -> None:
    desk = Desk()
    desk.cache.lost(desk.now)
    desk.gate.clear()
    before = asyncio.create_task(desk.get())
    await settle()
    desk.rev = 2  # somewhere else
    desk.now += module.TRUST_S + 1

    after = asyncio.create_task(desk.get())
    await settle()
    desk.gate.set()

    assert [1, 2] == [(await one or (0,))[0] for one in (before, after)]
    await desk.cache.close()


async def test_with_the_link_down_half_a_minute_counts_from_the_beginning_of_a_fill() -> None:
    """What was read a minute ago is a minute old, however new the answer is."""
    desk = Desk(MemoryShared(lambda: 100.0))
    desk.cache.lost(desk.now)
    desk.gate.clear()
    filling = asyncio.create_task(desk.get())
    await settle()

    desk.now += module.TRUST_S + 1
    desk.gate.set()
    await filling

    served = await desk.get()
    assert served is not None
    assert "local" != served[1]


async def test_what_others_were_not_told_yet_is_not_asked_of_the_shared_level() -> None:
    """It would still give what was erased."""
    desk = Desk(MemoryShared(lambda: 100.0))
    await desk.get()
    await settle()

    async def down(*_: object) -> None:
        raise SharedUnavailable

    desk.rev = ERASED
    desk.cache._notices = Notices(down)
    await desk.cache.note("u1", None)

    assert await desk.get() is None
    await desk.cache.close()


async def test_a_shared_level_that_is_down_costs_nothing_but_the_hit(monkeypatch) -> None:
    shared = MemoryShared(lambda: 100.0)

    async def down(*_: object) -> None:
        raise SharedUnavailable

    for name in ("read", "claim", "put", "note"):
        monkeypatch.setattr(shared, name, down)
    desk = Desk(shared, linked=False)

    assert [(1, "miss"), (1, "local")] == [await desk.get(), await desk.get()]
    await desk.cache.close()


async def test_what_the_shared_level_has_not_heard_outlives_the_return_of_the_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A write while the wire is cut: the shared level still has the answer from before it."""
    desk = Desk(MemoryShared(lambda: 100.0))
    assert (1, "miss") == await desk.get()
    await settle()

    async def refuse(_revs) -> None:
        raise SharedUnavailable("cut")

    assert desk.shared is not None
    monkeypatch.setattr(desk.cache._notices, "_note", refuse)
    desk.rev = 2
    await desk.cache.note("u1", 2)
    desk.cache.regained()

    assert (2, "miss") == await desk.get()
    await desk.cache.close()
