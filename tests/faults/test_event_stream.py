"""The stream under a consumer that stalls, and under a Redis that freezes."""

import asyncio
import os
import signal
from pathlib import Path

import anyio
import pytest
import structlog
from redis.asyncio import Redis

from service.bus import UserUpdated
from service.bus.consumer import Consumer
from service.bus.redis_streams import RedisStream
from service.errors import BusUnavailable
from tests import servers
from tests.faults.events import Line
from tests.faults.sizes import say, size

FACTS = size(2_000, 20_000)
KEPT = FACTS // 5


async def drained(stream: RedisStream) -> int:
    """How many facts the stalled consumer is given in the end."""
    count = 0
    while taken := await stream.take("stalled", "c", limit=1_000):
        count += len(taken)
        await stream.settle("stalled", [entry.place for entry in taken])
    return count


async def test_nothing_is_trimmed_that_a_stalled_consumer_has_not_seen(
    valkey_url: str, tmp_path: Path
) -> None:
    line = Line(valkey_url, tmp_path)
    assert [] == await line.stream.take("stalled", "c", limit=1)
    for _ in range(5):
        await line.publish(KEPT)
        await line.stream.trim()

    assert KEPT * 5 == (await line.stream.lags())["stalled"].waiting
    assert KEPT * 5 == await drained(line.stream)
    assert KEPT * 5 == await line.stream.trim()
    await line.close()


async def test_control_a_stream_with_maxlen_loses_what_was_not_seen_and_says_nothing(
    valkey_url: str, tmp_path: Path
) -> None:
    line = Line(valkey_url, tmp_path)
    assert [] == await line.stream.take("stalled", "c", limit=1)
    async with Redis.from_url(valkey_url) as redis:
        for _ in range(5):
            await line.publish(KEPT)
            await redis.xtrim(f"{line.prefix}:events", maxlen=KEPT)
        given = await drained(line.stream)
        (group,) = await redis.xinfo_groups(f"{line.prefix}:events")

    say(f"{KEPT * 5} facts, MAXLEN {KEPT}: {given} were given out, XINFO lag says {group['lag']}")
    assert given < KEPT * 5
    assert 0 == group["lag"]
    await line.close()


async def test_events_that_somebody_else_removed_before_they_were_settled_are_missed(
    valkey_url: str, tmp_path: Path
) -> None:
    line = Line(valkey_url, tmp_path)
    await line.publish(3)
    await line.stream.take("g", "dead", limit=3)
    async with Redis.from_url(valkey_url) as redis:
        await redis.xtrim(f"{line.prefix}:events", maxlen=1, approximate=False)

    with pytest.raises(BusUnavailable, match="2 unsettled events were removed"):
        await line.stream.take_over("g", "heir", idle_s=0, limit=10)
    (left,) = await line.stream.take_over("g", "heir", idle_s=0, limit=10)
    assert UserUpdated("u2", 2) == left.fact
    await line.close()


async def test_a_consumer_outlives_a_redis_that_freezes(tmp_path: Path) -> None:
    seen: list[int | None] = []

    async def act(fact: UserUpdated) -> None:
        seen.append(fact.rev)

    with servers.valkey(tmp_path) as valkey:
        stream = RedisStream(valkey.url)
        one = Consumer(stream, "g", act, wait_s=0.2, idle_s=0.2)
        with structlog.testing.capture_logs() as logs:
            one.start()
            await stream.publish([UserUpdated("u1", 1)])
            await _until(lambda: 1 in seen)
            os.kill(valkey.pid, signal.SIGSTOP)
            try:
                await _until(lambda: bool(logs))  # it says so, where it might wait for ever
            finally:
                os.kill(valkey.pid, signal.SIGCONT)
            await stream.publish([UserUpdated("u2", 2)])
            await _until(lambda: 2 in seen)
            await one.close()
        await stream.close()

    assert {"facts cannot be taken"} == {log["event"] for log in logs}
    assert {1, 2} == set(seen)


async def _until(holds) -> None:
    with anyio.fail_after(30):
        while not holds():  # noqa: ASYNC110 - a test polls
            await asyncio.sleep(0.01)
