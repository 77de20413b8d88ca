"""The cache server stops answering, and comes back."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service import deadline
from service.cache.answer import Answer
from service.cache.clients import open_blocking_client, open_client
from service.cache.link import Link
from service.cache.protocol import SharedUnavailable
from service.cache.redis import RedisShared
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from tests import servers
from tests.faults.sizes import size

BUDGET_S = 0.05
HANGS_S = 2.0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[servers.Server]:
    with servers.valkey(tmp_path) as server:
        yield server
        os.kill(server.pid, signal.SIGCONT)


class Peer:
    """One of two caches in this process that know each other through the server alone."""

    def __init__(self, url: str, revs: dict[str, int], budget_s: float) -> None:
        self._client, self._listening = open_client(url), open_blocking_client(url)
        self.shared = RedisShared(self._client, budget_s=budget_s)
        self.cache = TwoLevel(1 << 20, Revs(), self.shared)
        self._link = Link(self._listening, self.cache, name=self.shared.name)
        self._store, self.loads = revs, 0

    async def get(self, user: str) -> int:
        served = await self.cache.get(user, f"{user}|v1.0|20", lambda: self._load(user))
        assert served is not None
        return served[0].rev

    async def write(self, user: str) -> None:
        self._store[user] = self._store.get(user, 1) + 1
        await self.cache.note(user, self._store[user])

    async def until_linked(self) -> None:
        async with asyncio.timeout(30):
            while not self.cache.linked:  # noqa: ASYNC110 - there is nobody to tell
                await asyncio.sleep(0.01)

    async def _load(self, user: str) -> Answer:
        self.loads += 1
        rev = self._store.get(user, 1)
        return Answer(b"{}", "t", rev, time.monotonic(), 0.001, 900.0, 300.0)

    async def open(self) -> None:
        self._link.open()
        await self.until_linked()

    async def close(self) -> None:
        await self._link.close()
        await self.cache.close()
        await self.shared.close()
        await self._client.aclose()
        await self._listening.aclose()


@asynccontextmanager
async def peers(url: str, *, budget_s: float = BUDGET_S) -> AsyncIterator[tuple[Peer, Peer]]:
    revs: dict[str, int] = {}
    both = Peer(url, revs, budget_s), Peer(url, revs, budget_s)
    for one in both:
        await one.open()
    try:
        yield both
    finally:
        for one in both:
            await one.close()


async def test_a_server_that_is_stopped_stops_no_request_and_hides_no_write(valkey) -> None:
    async with peers(valkey.url) as (mine, theirs):
        known = [f"u{number}" for number in range(50)]
        for user in known:
            assert [1, 1] == [await mine.get(user), await theirs.get(user)]

        os.kill(valkey.pid, signal.SIGSTOP)
        until = time.monotonic() + size(5, 30)
        async with asyncio.timeout(HANGS_S + size(5, 30) + 60):
            number = 0
            while time.monotonic() < until:
                user = known[number % len(known)]
                assert await mine.get(user) >= 1
                assert 1 == await mine.get(f"new{number}")
                if number < len(known):
                    await theirs.write(user)
                    assert 2 == await theirs.get(user)
                number += 1
                await asyncio.sleep(0.001)
        assert number > len(known)
        os.kill(valkey.pid, signal.SIGCONT)

        for one in (mine, theirs):
            await one.until_linked()
        async with asyncio.timeout(30):
            while theirs.cache._notices and theirs.cache._notices._owed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        for user in known:
            assert [2, 2] == [await mine.get(user), await theirs.get(user)]


async def test_without_a_budget_a_stopped_server_would_stop_requests(valkey, monkeypatch) -> None:
    monkeypatch.setattr("service.cache.clients.ANSWER_S", 60.0)
    async with peers(valkey.url, budget_s=60.0) as (mine, _):
        os.kill(valkey.pid, signal.SIGSTOP)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HANGS_S):
                await mine.get("u1")
        os.kill(valkey.pid, signal.SIGCONT)


async def held_up(shared: RedisShared) -> bool:
    """Whether a read is answered though the event loop stands still while the reply arrives."""
    reading = asyncio.create_task(shared.read("u1", "u1|v1.0|20"))
    for _ in range(10):
        await asyncio.sleep(0)  # the command is out
    time.sleep(0.1)  # noqa: ASYNC251 - that is the fault
    try:
        await reading
    except SharedUnavailable:
        return False
    return True


async def test_a_loop_that_was_held_up_is_not_taken_for_a_slow_server(
    valkey: servers.Server, monkeypatch
) -> None:
    """Else a busy process believes its cache is down, makes every list itself, and is busier."""
    client = open_client(valkey.url)
    shared = RedisShared(client, budget_s=0.01)
    await shared.read("u1", "warm")
    answered = [await held_up(shared) for _ in range(5)]
    monkeypatch.setattr(deadline, "TURNS", 0)
    without = [await held_up(shared) for _ in range(5)]
    await shared.close()
    await client.aclose()

    assert all(answered)
    assert not all(without)  # the control
