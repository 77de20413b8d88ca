"""A watch goes on whatever a look ends in, and ends when it is told."""

import asyncio

import anyio

from service.errors import StoreUnavailable
from service.watching import Watch


async def test_it_looks_again_after_every_failure() -> None:
    ends = iter([StoreUnavailable("away"), ValueError("wrong")])
    looks, third = 0, asyncio.Event()

    async def look() -> None:
        nonlocal looks
        looks += 1
        if (error := next(ends, None)) is not None:
            raise error
        third.set()

    watch = Watch(look, "nothing")
    assert not watch.running
    watch.start(0.001)
    with anyio.fail_after(10):
        await third.wait()
    await watch.close()
    seen = looks
    await asyncio.sleep(0.02)

    assert watch.running
    assert 3 <= seen == looks


async def test_what_was_never_started_closes() -> None:
    async def look() -> None:
        raise AssertionError("nobody asked for it")

    await Watch(look, "nothing").close()
