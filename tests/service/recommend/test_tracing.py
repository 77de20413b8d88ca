"""Every list that is made tells that it was asked for and what became of it; kept ones do not."""

import asyncio
from contextvars import Context
from threading import Event

import pytest

from service import request_id
from service.bus import (
    ASKED,
    RecommendationComputed,
    RecommendationRequested,
    Trace,
)
from service.bus.memory_traces import MemoryTraces
from service.recommend.ask import Ask
from service.recommend.retrieval import STRATEGIES
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON
from tests.service.recommend.desk import Desk


@pytest.fixture
async def store() -> MemoryStore:
    filled = MemoryStore()
    await filled.append(list(worlds.listens()))
    return filled


def desk_with(store: MemoryStore, **options) -> tuple[Desk, MemoryTraces]:
    traces = MemoryTraces()
    return Desk(store, traces=traces, **options), traces


async def told(traces: MemoryTraces) -> list[Trace]:
    """In the order they were told."""
    return (await traces.newest())[::-1]


async def test_a_list_that_is_made_tells_who_asked_whom_and_what_came_of_it(store) -> None:
    desk, traces = desk_with(store)

    async def ask() -> str:
        request_id.note([(b"x-request-id", b"r1")])
        return (await desk.ask())[0].list_id

    list_id = await asyncio.create_task(ask(), context=Context())

    requested, *strategies, computed = await told(traces)
    assert isinstance(computed, RecommendationComputed)
    assert RecommendationRequested("r1", "jazz-u0", [*ASKED], NOON) == requested
    assert [asked("r1") for asked in ASKED.values()] == strategies
    assert ("r1", "jazz-u0", list_id, "personal") == (
        computed.request_id,
        computed.user_id,
        computed.list_id,
        computed.tier,
    )
    assert {
        "collaborative": "ok",
        "content": "ok",
        "context": "skipped",
        "trending": "ok",
    } == computed.strategies
    assert computed.took_ms > 0.0


async def test_a_kept_list_tells_nothing(store) -> None:
    desk, traces = desk_with(store)
    for _ in range(5):
        await desk.ask()

    assert 6 == len(await told(traces))


async def test_only_the_strategies_that_were_asked_are_told(store) -> None:
    desk, traces = desk_with(store)
    await desk.ask(strategy="content")

    requested, asked, _ = await told(traces)
    assert isinstance(requested, RecommendationRequested)
    assert (["content"], ASKED["content"](requested.request_id)) == (requested.strategies, asked)


async def test_what_failed_and_what_was_late_is_told(store) -> None:
    def broken(*_) -> None:
        raise RuntimeError("no")

    def slow(*_) -> dict:
        late.wait(10)
        return {}

    late = Event()
    strategies = {**STRATEGIES, "content": broken, "trending": slow}
    desk, traces = desk_with(store, strategies=strategies, timeout_s=0.5)
    try:
        await desk.ask()
    finally:
        late.set()

    computed = (await told(traces))[-1]
    assert isinstance(computed, RecommendationComputed)
    assert ("ok", "failed", "late") == tuple(
        computed.strategies[name] for name in ("collaborative", "content", "trending")
    )


async def test_the_list_of_those_nobody_knows_is_told_once_and_names_nobody(store) -> None:
    desk, traces = desk_with(store)
    for user_id in ("stranger-1", "stranger-2"):
        await desk.ask(user_id)

    assert [""] == [
        trace.user_id for trace in await told(traces) if isinstance(trace, RecommendationRequested)
    ]


async def test_a_list_that_is_made_ahead_by_nobody_tells_nothing(store) -> None:
    desk, traces = desk_with(store)
    await desk.recommender.warm()

    assert [] == await told(traces)
    assert Ask().strategies == tuple(ASKED)
