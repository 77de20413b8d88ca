"""What the lease promises; both adapters run this suite."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from service.bus.lease import Lease, MemoryLease
from service.bus.redis_lease import RedisLease
from service.errors import BusUnavailable
from tests import servers


@pytest.fixture(params=["memory", "redis"])
async def lease(request: pytest.FixtureRequest) -> AsyncIterator[Lease]:
    if request.param == "memory":
        yield MemoryLease()
        return
    url, name = request.getfixturevalue("valkey_url"), f"test-{uuid4().hex}"
    one = RedisLease(url, name=name)
    yield one
    await one.close()
    await swept(url, name)


@pytest.fixture
async def name(valkey_url: str) -> AsyncIterator[str]:
    name = f"test-{uuid4().hex}"
    yield name
    await swept(valkey_url, name)


async def swept(url: str, name: str) -> None:
    async with Redis.from_url(url) as redis:
        await redis.delete(f"{name}:lease", f"{name}:term")


async def test_its_term_grows_each_time_it_is_taken(lease: Lease) -> None:
    first = await lease.acquire()
    await lease.release()
    second = await lease.acquire()
    await lease.release()
    third = await lease.acquire(above=41)

    assert first is not None
    assert second is not None
    assert 0 < first < second < 42 == third


async def test_it_is_not_given_twice(lease: Lease) -> None:
    await lease.acquire()

    assert await lease.acquire() is None
    assert await lease.renew()


async def test_what_was_let_go_cannot_be_renewed(lease: Lease) -> None:
    await lease.acquire()
    await lease.release()

    assert not await lease.renew()
    await lease.release()


async def test_of_many_processes_one_holds_it(valkey_url: str, name: str) -> None:
    processes = [RedisLease(valkey_url, name=name) for _ in range(8)]

    terms = await asyncio.gather(*(one.acquire() for one in processes))

    assert [1] == [term for term in terms if term is not None]
    for one in processes:
        await one.close()


async def test_a_silent_holder_loses_it_and_cannot_take_it_from_the_next(
    valkey_url: str, name: str
) -> None:
    frozen, alive = (RedisLease(valkey_url, name=name, ttl_s=0.05) for _ in range(2))
    first = await frozen.acquire()
    async with asyncio.timeout(10):
        while (second := await alive.acquire()) is None:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
    held = RedisLease(valkey_url, name=name)  # long enough for what follows
    await alive.release()
    third = await held.acquire()

    assert first is not None
    assert third is not None
    assert first < second < third
    assert not await frozen.renew()
    await frozen.release()
    assert await held.renew()
    for one in (frozen, alive, held):
        await one.close()


async def test_a_redis_that_does_not_answer_is_said_to_be_unavailable() -> None:
    lease = RedisLease(f"redis://127.0.0.1:{servers.free_port()}")

    for ask in (lease.acquire(), lease.renew(), lease.release()):
        with pytest.raises(BusUnavailable, match="did not answer"):
            await ask
    await lease.close()
