"""Strangers: asked for once in a while, known as soon as they exist, no burden to listeners."""

import tracemalloc
from collections.abc import Iterator

import pytest

from service.cache import two_level as module
from service.cache.absent import Absent
from service.cache.protocol import ERASED
from service.cache.two_level import TwoLevel
from tests.service.cache.desk import Desk


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
