"""A runner ends when it is asked to."""

import asyncio

import pytest

from service.jobs.memory import MemoryJobs
from service.jobs.runner import Runner


async def test_a_lost_cancellation_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's own time limit can swallow one: closing must not wait for ever."""
    monkeypatch.setattr("service.jobs.runner.AGAIN_S", 0.01)
    runner = Runner(MemoryJobs(), {})
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            swallowed += 1
        await asyncio.sleep(3_600)

    runner._loops = [asyncio.create_task(stubborn())]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await runner.close()

    assert 1 == swallowed
