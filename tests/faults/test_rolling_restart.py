"""A release rolls through two servers behind a balancer, and nobody who asks meanwhile notices."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import anyio.to_thread
import httpx
import pytest

from tests import servers
from tests.faults.balancer import Balancer
from tests.faults.serving import READY_S, Service, fill, sharing
from tests.faults.sizes import say, size

RESTARTS = size(2, 10)
HEARS_AFTER_S, PRE_STOP_S = 0.5, 1.0
"""Of a cluster 1 to 3 s, and the 10 s of k8s/base/api.yaml."""
CLIENTS = 4


@pytest.fixture
async def two(data: Path, tmp_path: Path) -> AsyncIterator[list[Service]]:
    """Two servers that share a store and a Redis."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    with servers.valkey(folder) as valkey:
        env = sharing(valkey.url)
        first, second = Service(data, env=env), Service(data, env=env)
        try:
            for service in (first, second):
                await anyio.to_thread.run_sync(service.start)
            await anyio.to_thread.run_sync(fill, first)
            await anyio.to_thread.run_sync(heard_of_it, second)
            yield [first, second]
        finally:
            for service in (first, second):
                service.stop()


def heard_of_it(service: Service) -> None:
    """Return once a server knows what another one was given."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if httpx.get(f"{service.url}/v1/tracks/jazz00/similar", timeout=10).status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError("the other server never heard of the tracks")


class Crowd:
    """Asks and listens without pause, a connection for each request; counts what fails."""

    def __init__(self, url: str) -> None:
        self._url, self._numbers = url, count()
        self.good, self.failed, self.sent = 0, list[str](), list[str]()
        self.stopped = False

    async def ask(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=self._url, timeout=30, limits=limits) as client:
            while not self.stopped:
                number = next(self._numbers)
                try:
                    answer = await self._once(client, number)
                except httpx.TransportError as error:
                    self.failed.append(repr(error))
                    continue
                if answer.status_code in {200, 202}:
                    self.good += 1
                else:
                    self.failed.append(answer.text)
                await asyncio.sleep(0.01)

    async def _once(self, client: httpx.AsyncClient, number: int) -> httpx.Response:
        if number % 5:
            return await client.get(f"/v1/users/jazz-u{number % 7}/recommendations")
        listen = {"id": f"n{number}", "user_id": "roller", "track_id": "jazz00", "action": "play"}
        answer = await client.post(
            "/v1/listens", json=listen | {"at": f"2026-01-01T00:{number // 60 % 60:02}:00Z"}
        )
        if answer.status_code == 202:
            self.sent.append(listen["id"])
        return answer


@asynccontextmanager
async def crowd(url: str) -> AsyncIterator[Crowd]:
    asking = Crowd(url)
    tasks = [asyncio.create_task(asking.ask()) for _ in range(CLIENTS)]
    yield asking
    asking.stopped = True
    await asyncio.gather(*tasks)


async def restart(service: Service, balancer: Balancer, *, pre_stop_s: float) -> None:
    """As a cluster does it: out of service and preStop at once, SIGTERM, a new one, in service."""
    leaving = asyncio.create_task(balancer.take_out(service.port))
    await asyncio.sleep(pre_stop_s)
    os.kill(service.pid, signal.SIGTERM)
    assert service._process is not None
    assert 0 == await anyio.to_thread.run_sync(service._process.wait, 20)
    await leaving
    await anyio.to_thread.run_sync(service.start)
    balancer.in_service.append(service.port)


def listens(service: Service) -> set[str]:
    """The ids of everything stored of the one who listens here."""
    found, query = set[str](), {"limit": "100"}
    while True:
        page = service.get("/v1/users/roller/listens", **query)
        found |= {listen["id"] for listen in page["listens"]}
        if not page["next"]:
            return found
        query["before"] = page["next"]


async def test_restarts_one_by_one_fail_no_request_and_lose_no_listen(two: list[Service]) -> None:
    async with (
        Balancer(*(one.port for one in two), hears_after_s=HEARS_AFTER_S) as balancer,
        crowd(balancer.url) as asking,
    ):
        await asyncio.sleep(1)
        start = time.monotonic()
        for number in range(RESTARTS):
            await restart(two[number % 2], balancer, pre_stop_s=PRE_STOP_S)
        took_s = time.monotonic() - start
    stored = await anyio.to_thread.run_sync(listens, two[0])

    say(f"{RESTARTS} restarts in {took_s:.0f} s: {asking.good} good, {len(asking.failed)} failed")
    assert [] == asking.failed
    assert asking.good >= 20 * RESTARTS
    assert set(asking.sent) <= stored


async def test_without_the_pause_before_it_stops_requests_fail(two: list[Service]) -> None:
    """The control: SIGTERM comes before the balancer has heard that the server leaves."""
    async with (
        Balancer(*(one.port for one in two), hears_after_s=3 * HEARS_AFTER_S) as balancer,
        crowd(balancer.url) as asking,
    ):
        await asyncio.sleep(1)
        await restart(two[0], balancer, pre_stop_s=0)

    assert asking.failed
