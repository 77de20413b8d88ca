"""Nothing is begun for whom it comes too late: hurried lists from a server whose Redis is slow."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import servers, worlds
from tests.faults.line import counter, line, tier_of
from tests.faults.proxy import Proxy
from tests.faults.serving import Service, fill
from tests.faults.sizes import FULL, say, size

LATE = "echotune_work_started_after_deadline_total"
BREAKER = 'echotune_breaker_open{dependency="redis"}'
DELAYS_S = (0.05, 0.01)
"""Each way: a step takes longer than any deadline, or some lists are in time and some are not."""
HURRIED_MS = range(20, 91)
AT_ONCE = 4
BOUND_MS = 50 if FULL else 1_000  # a busy test run is given more
USERS = sorted({one.user_id for one in worlds.listens()})


class Unhurried(Service):
    """A server in which no step asks for the time that is left, or whether anybody waits."""

    command = (
        "-c",
        (
            "import sys; from service import deadline; from service.cache.flights import Flight;"
            "deadline.need = lambda step_s: None;"
            "Flight.unwanted = False;"
            "from service.cli import main; sys.exit(main())"
        ),
    )


@asynccontextmanager
async def behind(proxy_of: Path, kind: type[Service], data: Path) -> AsyncIterator[Any]:
    """A server whose Redis is behind a proxy, with the small world in it."""
    try:
        redis = servers.valkey(proxy_of)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    with redis:
        async with Proxy(redis.port) as proxy:
            env = {
                "ECHOTUNE_REDIS_URL": proxy.url,
                "ECHOTUNE_REDIS_TIMEOUT_MS": "1000",  # no breaker: every step is really waited for
                "ECHOTUNE_REQUEST_TIMEOUT_MS": "90",
            }
            service = kind(data, env=env)
            try:
                await asyncio.to_thread(service.start)
                await asyncio.to_thread(fill, service)
                yield service, proxy
            finally:
                await asyncio.to_thread(service.stop)


async def asked_in_a_hurry(
    service: Service, requests: int, *, first: int
) -> tuple[Counter[str], float]:
    """Tiers of so many lists that nobody keeps, each with 20 to 90 ms, and how many milliseconds
    after that they came (p95). Numbers from `first` on are used once."""
    tiers: Counter[str] = Counter()
    over_ms: list[float] = []
    numbers = iter(range(first, first + requests))

    async def client() -> None:
        async with line(service.port) as one:
            for number in numbers:
                path = f"/v1/users/{USERS[number % len(USERS)]}/recommendations?exclude=n{number}"
                within_ms = HURRIED_MS[number % len(HURRIED_MS)]
                start = time.monotonic()
                said = await one.get(path, x_request_timeout_ms=f"{within_ms}")
                over_ms.append((time.monotonic() - start) * 1e3 - within_ms)
                tiers[tier_of(*said)] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(client())
    return tiers, float(np.percentile(over_ms, 95))


async def connected(service: Service, proxy: Proxy) -> None:
    """As many connections of the server to its Redis as it is going to need."""
    fresh = count()

    async def once() -> None:
        async with line(service.port) as one:
            await one.get(f"/v1/users/{USERS[0]}/recommendations?exclude=c{next(fresh)}")

    for _ in range(100):  # the first lists are slow, and may have been too slow for the breaker
        await once()
        if not await counter(service.port, BREAKER):
            break
        await asyncio.sleep(0.1)
    proxy.latency_s = min(DELAYS_S)
    for many in range(10, 50, 10):  # a few more at a time: all at once would be late
        await asyncio.gather(*(once() for _ in range(many)))


async def begun_late(kind: type[Service], data: Path, folder: Path, requests: int) -> float:
    """Steps begun after their deadline while hurried lists wait for a slow Redis."""
    async with behind(folder, kind, data) as (service, proxy):
        await connected(service, proxy)
        each = requests // len(DELAYS_S)
        for turn, delay_s in enumerate(DELAYS_S):
            proxy.latency_s = delay_s
            tiers, over_ms = await asked_in_a_hurry(service, each, first=turn * each)
            say(f"{kind.__name__}, {delay_s * 1e3:g} ms each way, {each} lists: {dict(tiers)},")
            say(f"p95 of answers {over_ms:.1f} ms after the deadline")
            assert tiers["popular"] > 0, "nobody was in a hurry: this proves nothing"
            assert over_ms < BOUND_MS
        await asyncio.sleep(0.5)  # what was left behind goes on that long at most
        late = await counter(service.port, LATE)
    say(f"steps begun late: {late:g}")
    return late


async def test_no_step_begins_after_the_deadline_of_its_request(data: Path, tmp_path: Path) -> None:
    assert 0 == await begun_late(Service, data, tmp_path, size(300, 10_000))


async def test_if_no_step_asked_for_the_time_some_would(data: Path, tmp_path: Path) -> None:
    """The control."""
    assert await begun_late(Unhurried, data, tmp_path, 100) > 0
