"""What is promised of traces; every adapter runs this suite."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from structlog.testing import capture_logs

from service.bus import (
    ASKED,
    RecommendationComputed,
    RecommendationRequested,
    Trace,
    Traces,
)
from service.bus import redis_traces as of_redis
from service.bus.memory_traces import MemoryTraces
from service.bus.redis_traces import RedisTraces
from service.errors import BusUnavailable, Invalid
from tests import servers

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}"


@pytest.fixture(params=["memory", "redis"])
async def traces(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Traces]:
    if request.param == "memory":
        yield MemoryTraces(most=1_000)
        return
    one = RedisTraces(request.getfixturevalue("valkey_url"), prefix=prefix, every_s=0.01)
    yield one
    await one.close()


def requested(number: int) -> RecommendationRequested:
    return RecommendationRequested(f"r{number}", '"☃\n', ["collaborative"], NOON)


async def told(traces: Traces, count: int, **options: Any) -> list[Trace]:
    """The newest, when as many have arrived."""
    async with asyncio.timeout(10):
        while len(found := await traces.newest(**options)) < count:  # noqa: ASYNC110 - traces are polled
            await asyncio.sleep(0.005)
    return found


async def test_the_newest_trace_comes_first(traces: Traces) -> None:
    strategies = [asked(f"r{number}") for number, asked in enumerate(ASKED.values())]
    computed = RecommendationComputed("r1", "u1", "l1", "personal", {"content": "late"}, 2.5)
    traces.tell(requested(1), *strategies)
    traces.tell(computed)

    found = await told(traces, 6)

    assert [computed, *reversed(strategies), requested(1)] == found
    assert found[:2] == await traces.newest(limit=2)


async def test_nothing_told_is_nothing_found(traces: Traces) -> None:
    assert [] == await traces.newest()


async def test_the_oldest_make_room(traces: Traces) -> None:
    for number in range(3_000):
        traces.tell(requested(number))

    async with asyncio.timeout(10):
        while requested(2_999) not in (newest := await traces.newest(limit=10)):  # noqa: ASYNC110 - traces are polled
            await asyncio.sleep(0.005)
    assert [requested(number) for number in range(2_999, 2_989, -1)] == newest


async def test_what_was_told_is_passed_on_before_the_end(valkey_url: str, prefix: str) -> None:
    async with asyncio.timeout(5):
        one = RedisTraces(valkey_url, prefix=prefix, every_s=60)
        for number in range(1_234):
            one.tell(requested(number))
        await one.close()
        other = RedisTraces(valkey_url, prefix=prefix)

        assert 1_234 == len(await other.newest(limit=5_000))
        await other.close()


async def test_a_full_batch_does_not_wait_for_its_time(valkey_url: str, prefix: str) -> None:
    one = RedisTraces(valkey_url, prefix=prefix, every_s=60)
    one.tell(*(requested(number) for number in range(of_redis.BATCH)))
    try:
        await told(one, of_redis.BATCH, limit=of_redis.BATCH)
    finally:
        await one.close()


async def test_the_stream_of_traces_has_a_limit(valkey_url: str, prefix: str) -> None:
    one = RedisTraces(valkey_url, prefix=prefix, every_s=0.0, most_batches=1)
    for number in range(300):  # nodes of 100 entries are dropped whole
        one.tell(requested(number))
        await asyncio.sleep(0)
    await one.close()
    async with Redis.from_url(valkey_url) as redis:
        length = await redis.xlen(f"{prefix}:traces")

    assert length <= 200


async def test_a_batch_of_another_release_is_passed_over(valkey_url: str, prefix: str) -> None:
    one = RedisTraces(valkey_url, prefix=prefix, every_s=0.0)
    async with Redis.from_url(valkey_url) as redis:
        for body in (b'[{"type":"of.tomorrow"}]', b"\xff", b"{}"):
            await redis.xadd(f"{prefix}:traces", {b"b": body})
        await redis.xadd(f"{prefix}:traces", {b"other": b"field"})
    one.tell(requested(7))

    assert [requested(7)] == await told(one, 1)
    await one.close()


async def test_a_redis_that_does_not_answer_costs_traces_and_nothing_else() -> None:
    before = lost()
    one = RedisTraces(f"redis://127.0.0.1:{servers.free_port()}", every_s=0.0)
    with capture_logs() as logs:
        one.tell(requested(1), requested(2))
        with pytest.raises(BusUnavailable, match="did not answer"):
            await one.newest()
        await one.close()

    assert 2.0 == lost() - before
    assert ["traces are lost"] == [log["event"] for log in logs]


async def test_more_than_has_room_is_lost_and_counted() -> None:
    before = lost()
    one = RedisTraces(f"redis://127.0.0.1:{servers.free_port()}", every_s=60)
    one.tell(*(requested(number) for number in range(of_redis.MOST_PENDING + 5)))

    assert 5.0 == lost() - before
    with capture_logs():
        await one.close()


def test_an_address_that_is_none_stops_the_start() -> None:
    with pytest.raises(Invalid, match="ECHOTUNE_EVENTS_REDIS_URL"):
        RedisTraces("http://127.0.0.1")


def lost() -> float:
    return REGISTRY.get_sample_value("echotune_traces_lost_total") or 0.0
