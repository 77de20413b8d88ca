"""A learner in a process of its own, to be killed: what the tests of lost events ask of one."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from service.bus.redis_streams import RedisStream
from service.settings import Settings
from tests.faults import counting
from tests.faults.deliveries import Event
from tests.faults.serving import ROOT

AT_WORK_S = 10.0
CAUGHT_UP_S = 60.0


class Learner:
    """The one that counts. Another is plugged in by these methods.

    `by`: what it counts listens by, as an event names it.
    """

    reader, by = counting.READER, "user_id"

    def __init__(self, settings: Settings, folder: Path, *, mode: str = "whole") -> None:
        self._folder = folder
        self._words = (str(settings.events_redis_url), str(folder), mode)
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[str, int] = {}
        folder.mkdir()

    def start(self) -> None:
        """Go on from what was saved."""
        self._before = self._files()
        self._process = subprocess.Popen(
            [sys.executable, counting.__file__, *self._words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
        )

    def wait_at_work(self) -> None:
        """Return when it has written something since its start, or has had time to."""
        until = time.monotonic() + AT_WORK_S
        while self._files() == self._before and time.monotonic() < until:
            time.sleep(0.005)

    def kill(self) -> None:
        """Kill -9; what it has saved stays."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def counted(self, _sent: Sequence[Event]) -> Counter[str]:
        """Listens by what it counts by, once it has caught up or has had time to."""
        asyncio.run(self._caught_up())
        return Counter(counting.load(self._folder).by_user)

    async def _caught_up(self) -> None:
        stream, until = RedisStream(self._words[0]), time.monotonic() + CAUGHT_UP_S
        while time.monotonic() < until:
            lag = (await stream.lags()).get(self.reader)
            if lag is not None and not lag.waiting:
                break
            await asyncio.sleep(0.1)
        await stream.close()

    def _files(self) -> dict[str, int]:
        found = {}
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # it has just been renamed
                found[path.name] = path.stat().st_mtime_ns
        return {name: at for name, at in found.items() if not name.endswith(".new")}
