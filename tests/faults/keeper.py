"""One process that is asked for ever more lists, each once, and says what it came to hold.

The cache is the one a server opens. Usage: python -m tests.faults.keeper CAPACITY COUNT [WITHOUT]
WITHOUT: "bytes" (a local level that takes anything), or "users" (revs of everybody).
"""

import asyncio
import json
import os
import random
import sys
import time
from functools import partial
from pathlib import Path

from service import adapters
from service.cache.answer import Answer
from service.cache.local import Local
from service.cache.revs import Revs
from service.settings import Settings

BODY_BYTES = (2_000, 5_000)
ROWS = bytes(4 * 20)  # of twenty tracks
EVERY = 1_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ANYTHING = 1 << 50


def resident() -> int:
    """Bytes of memory this process takes up."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def keep(capacity: int, count: int, without: str) -> dict[str, int]:
    """Most bytes by which the process grew, and most that the local level said it held."""
    draw, noise = random.Random(1), os.urandom(1 << 20)

    async def load(number: int) -> Answer:
        size = draw.randint(*BODY_BYTES)
        start, now = draw.randrange(len(noise) - size), time.monotonic()
        body = noise[start : start + size]
        return Answer(body, f"tag{number:08}", number, now, 0.003, 900.0, 300.0, ROWS)

    if without == "users":
        adapters.Revs = lambda _: Revs(ANYTHING)  # type: ignore[attr-defined,assignment,misc]
    settings = Settings(local_cache_bytes=capacity)
    async with adapters.open_cache(settings, watch=False) as cache:
        if without == "bytes":
            cache.local = Local(ANYTHING, time.monotonic)
        cache.count_from(count)  # all of them were there when the process started
        before, grown, held = resident(), 0, 0
        for number in range(1, count + 1):
            user = f"user-{number:08}"
            served = await cache.get(user, f"{user}|v1.0|20", partial(load, number))
            assert served is not None
            if number % EVERY == 0:
                grown = max(grown, resident() - before)
                held = max(held, cache.local.weight)
    return {"grown": grown, "held": held, "asked": count}


if __name__ == "__main__":
    capacity, count, *without = sys.argv[1:]
    report = asyncio.run(keep(int(capacity), int(count), without[0] if without else ""))
    print(json.dumps(report))  # noqa: T201 - the parent reads it
