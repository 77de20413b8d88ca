"""What is promised of the learner's patches; both adapters run this suite."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from redis.asyncio import Redis

from service.bus.patches import MemoryPatches, Patch, Patches
from service.bus.redis_patches import RedisPatches
from service.errors import BusUnavailable
from tests import servers

MOST = 5


@pytest.fixture(params=["memory", "redis"])
async def patches(request: pytest.FixtureRequest) -> AsyncIterator[Patches]:
    if request.param == "memory":
        yield MemoryPatches(most=MOST)
        return
    url, name = request.getfixturevalue("valkey_url"), f"test-{uuid4().hex}"
    one = RedisPatches(url, name=name, most=MOST)
    yield one
    await one.close()
    async with Redis.from_url(url) as redis:
        await redis.delete(f"{name}:patches", f"{name}:base")


def patch(number: int, *, term: int = 1) -> Patch:
    return Patch(term, number, b"\x00\xff-%d" % number)


async def test_patches_come_in_order_after_a_number(patches: Patches) -> None:
    for number in (1, 2, 3):
        assert await patches.publish(patch(number))

    assert [patch(2), patch(3)] == await patches.after(1, 1)
    assert [] == await patches.after(1, 3)
    assert [] == await patches.after(2, 0, wait_s=0.01)


async def test_one_who_lost_the_lease_is_refused(patches: Patches) -> None:
    """A zombie's patch and base come too late, whatever their numbers."""
    await patches.publish(patch(1, term=2))
    await patches.put_base(patch(1, term=2))

    assert not await patches.publish(patch(9, term=1))
    assert not await patches.publish(patch(1, term=2))
    assert not await patches.put_base(patch(9, term=1))
    assert [patch(1, term=2)] == await patches.after(1, 0)
    assert patch(1, term=2) == await patches.base()


async def test_the_oldest_go_and_a_gap_can_be_seen(patches: Patches) -> None:
    for number in range(1, MOST + 3):
        await patches.publish(patch(number))

    found = await patches.after(1, 1)

    assert [3, 4, 5, 6, 7] == [one.number for one in found]
    assert not found[0].follows(patch(1))
    assert found[1].follows(found[0])
    assert not patch(2, term=2).follows(patch(1))


async def test_the_base_is_all_of_it_as_of_one_number(patches: Patches) -> None:
    assert await patches.base() is None
    assert await patches.put_base(patch(10))
    assert await patches.put_base(patch(11))
    assert not await patches.put_base(patch(9))

    assert patch(11) == await patches.base()


async def test_a_follower_waits_for_the_next(patches: Patches) -> None:
    waiting = asyncio.ensure_future(patches.after(0, 0, wait_s=5))
    await asyncio.sleep(0.05)
    await patches.publish(patch(1))

    assert [patch(1)] == await waiting


async def test_a_redis_that_freezes_is_not_waited_for(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as valkey:
        patches = RedisPatches(valkey.url)
        assert [] == await patches.after(0, 0, wait_s=0.01)
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            with anyio.fail_after(20), pytest.raises(BusUnavailable, match="did not answer"):
                await patches.after(0, 0, wait_s=0.01)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await patches.close()


async def test_a_redis_that_does_not_answer_is_said_to_be_unavailable() -> None:
    patches = RedisPatches(f"redis://127.0.0.1:{servers.free_port()}")

    for ask in (
        patches.publish(patch(1)),
        patches.put_base(patch(1)),
        patches.base(),
        patches.after(0, 0),
    ):
        with pytest.raises(BusUnavailable, match="did not answer"):
            await ask
    await patches.close()
