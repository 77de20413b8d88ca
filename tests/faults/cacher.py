"""One process with a cache, told what to do by its arguments; several of them share a folder.

The database is a file of revs, mapped into every process. A loader says elsewhere when it ran.
Usage: python -m tests.faults.cacher stampede|steady|hold|audit FOLDER URL NUMBER JSON
"""

import asyncio
import json
import mmap
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.cache import redis as adapter
from service.cache.answer import Answer
from service.cache.clients import open_blocking_client, open_client
from service.cache.link import Link
from service.cache.protocol import Claim
from service.cache.redis import RedisShared
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel

USERS = 200
PROCESSES = 4
SLOT = 24  # rev, acknowledged rev, moment of acknowledgement in ns


class Database:
    """Revs of a few users; each is written by one process, which all others may read."""

    def __init__(self, folder: Path) -> None:
        path = folder / "database"
        if not path.exists():
            path.write_bytes(bytes(SLOT * USERS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._words = memoryview(self._map).cast("q")

    def rev(self, user: int) -> int:
        return 1 + self._words[user * 3]

    def acknowledged(self, user: int) -> tuple[int, int]:
        """A rev that was acknowledged, and when, in monotonic ns; time is written first."""
        rev = self._words[user * 3 + 1]
        return rev, self._words[user * 3 + 2]

    def write(self, user: int) -> int:
        self._words[user * 3] += 1
        return 1 + self._words[user * 3]

    def acknowledge(self, user: int, rev: int) -> None:
        self._words[user * 3 + 2] = time.monotonic_ns()
        self._words[user * 3 + 1] = rev


class Process:
    """The cache of this process, and its loader."""

    def __init__(self, folder: Path, cache: TwoLevel, options: dict[str, Any]) -> None:
        self.cache, self.options = cache, options
        self.database = Database(folder)
        self._loads = os.open(folder / "loads", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def get(self, user: int) -> tuple[int, str]:
        """The rev of the answer, and where it came from."""
        served = await self.cache.get(f"u{user}", f"u{user}|v1.0|20", lambda: self._load(user))
        assert served is not None
        return served[0].rev, served[1]

    async def _load(self, user: int) -> Answer:
        os.write(self._loads, b"%d\n" % time.monotonic_ns())
        start, rev = time.monotonic(), self.database.rev(user)
        await asyncio.sleep(self.options.get("load_s", 0.001))
        now = time.monotonic()
        fresh_s, stale_s = self.options.get("fresh_s", 900.0), self.options.get("stale_s", 300.0)
        return Answer(b"x" * 500, f"{rev}", rev, now, now - start, fresh_s, stale_s)


@asynccontextmanager
async def opened(folder: Path, url: str, options: dict[str, Any]) -> AsyncIterator[Process]:
    client, listening = open_client(url), open_blocking_client(url)
    shared = RedisShared(client, budget_s=options.get("budget_s", 5.0))
    if options.get("without") == "lease":
        shared.claim = _always_held(shared)  # type: ignore[assignment,method-assign]
    cache = TwoLevel(8 << 20, Revs(), shared)
    if options.get("without") == "versions":
        cache.heard = lambda *_: None  # type: ignore[method-assign]
    link = Link(listening, cache, name=shared.name)
    link.open()
    async with asyncio.timeout(20):
        while not cache.linked:  # noqa: ASYNC110 - there is nobody to tell
            await asyncio.sleep(0.01)
    try:
        yield Process(folder, cache, options)
    finally:
        await link.close()
        await cache.close()
        await shared.close()
        await client.aclose()
        await listening.aclose()


def _always_held(shared: RedisShared) -> Callable[[str, str, int, bytes], Any]:
    async def claim(user_id: str, key: str, rev: int, seen: bytes) -> Claim:
        claimed = await RedisShared.claim(shared, user_id, key, rev, seen)
        return Claim(claimed.rev, claimed.generation, True, claimed.token)

    return claim


async def stampede(process: Process, number: int) -> dict[str, Any]:
    """Many ask for one cold key at once."""
    await _start(process)
    asked = [process.get(1) for _ in range(process.options["readers"])]
    served = await asyncio.gather(*asked)
    return {"revs": sorted({rev for rev, _ in served}), "served": len(served)}


async def steady(process: Process, number: int) -> dict[str, Any]:
    """One key is read all the time while it expires again and again."""
    await process.get(1)
    sources: dict[str, int] = {}
    until = time.monotonic() + process.options["seconds"]
    while time.monotonic() < until:
        _, source = await process.get(1)
        sources[source] = sources.get(source, 0) + 1
        await asyncio.sleep(0.002)
    return {"sources": sources}


async def hold(process: Process, number: int) -> dict[str, Any]:
    """Ask once; the loader of the first process never comes back."""
    await process.get(1)
    return {}


async def audit(process: Process, number: int) -> dict[str, Any]:
    """Write to one's own users and read everybody's, until told to stop; then read them all."""
    database, draw = process.database, random.Random(number)
    own = [user for user in range(USERS) if user % PROCESSES == number]
    faults: list[str] = []
    counts = {"writes": 0, "reads": 0}

    async def write() -> None:
        while not process.options["stop"].exists():
            user = draw.choice(own)
            rev = database.write(user)
            await process.cache.note(f"u{user}", rev)
            database.acknowledge(user, rev)
            counts["writes"] += 1
            served, source = await process.get(user)
            if served < rev:
                faults.append(f"own write {rev} of u{user}: {source} says {served}")
            await asyncio.sleep(process.options["pause_s"])

    async def read() -> None:
        while not process.options["stop"].exists():
            user = draw.randrange(USERS)
            now = time.monotonic_ns()
            rev, at = database.acknowledged(user)
            served, source = await process.get(user)
            counts["reads"] += 1
            old_s = (now - at) / 1e9
            if served < rev and old_s > process.options["bound_s"]:
                faults.append(f"u{user}: {source} says {served}, {rev} since {old_s:.1f} s")
            await asyncio.sleep(process.options["pause_s"] / 10)

    await asyncio.gather(write(), *(read() for _ in range(4)))
    await asyncio.sleep(process.options["settle_s"])
    for user in range(USERS):
        served, source = await process.get(user)
        if served != database.rev(user):
            faults.append(
                f"in the end u{user}: {source} says {served}, {database.rev(user)} is true"
            )
    return {"faults": faults, **counts}


async def _start(process: Process) -> None:
    """Begin when everybody is here."""
    await asyncio.sleep(process.options["begin"] - time.monotonic())


async def main() -> None:
    what, folder, url, number, options = sys.argv[1:]
    parsed = json.loads(options)
    parsed["stop"] = Path(folder) / "stop"
    adapter.LEASE_S = parsed.get("lease_s", adapter.LEASE_S)  # type: ignore[attr-defined]
    async with opened(Path(folder), url, parsed) as process:
        work = {"stampede": stampede, "steady": steady, "hold": hold, "audit": audit}[what]
        print(json.dumps(await work(process, int(number))))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
