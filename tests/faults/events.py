"""A stream in a real Valkey, the processes that work on it, and what they have counted."""

import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import anyio

from service.bus import UserUpdated
from service.bus.redis_streams import RedisStream
from tests.faults import event_worker
from tests.faults.event_worker import GROUP, Tally

LIMIT_S = 120.0


class Line:
    """Facts 0, 1, 2, … and whoever counts them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.prefix = url, folder, f"test-{uuid4().hex}"
        self.stream, self.tally = RedisStream(url, prefix=self.prefix), Tally(url, self.prefix)
        self._workers: list[subprocess.Popen[bytes]] = []

    def spawn(self, *words: str, idle_s: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, event_worker.__file__, self.url, self.prefix, str(idle_s)]
        worker = subprocess.Popen([*command, str(self.folder), *words], cwd=Path.cwd())
        self._workers.append(worker)
        return worker

    async def publish(self, count: int) -> None:
        for start in range(0, count, 500):
            revs = range(start, min(start + 500, count))
            await self.stream.publish([UserUpdated(f"u{rev}", rev) for rev in revs])

    async def settled(self) -> bool:
        """Whether the group is through with all of them."""
        lag = (await self.stream.lags()).get(GROUP)
        return lag is not None and (lag.waiting, lag.owned) == (0, 0)

    async def until_settled(self) -> None:
        with anyio.fail_after(LIMIT_S):
            while not await self.settled():  # noqa: ASYNC110 - streams are polled
                await anyio.sleep(0.02)

    async def until_there(self, name: str) -> None:
        with anyio.fail_after(LIMIT_S):
            while not (self.folder / name).exists():  # noqa: ASYNC110 - files are polled
                await anyio.sleep(0.01)

    async def end(self, worker: subprocess.Popen[bytes]) -> None:
        worker.terminate()
        assert 0 == await asyncio.to_thread(worker.wait, 30)

    async def close(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        self.tally.close()
        await self.stream.close()
