"""The learner of the service, to be killed: what it tells the others of each track's plays."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from service.adapters import open_store
from service.bus.lease import MemoryLease
from service.bus.redis_patches import RedisPatches
from service.learn.following import Following
from service.model.current import Current
from service.settings import Settings
from tests.faults.deliveries import Event
from tests.faults.serving import ROOT

UP_S = 4.0
MOVES_S, CAUGHT_UP_S = 90.0, 240.0
"""It looks at the store for what it never heard of once a minute."""


class OnlineLearner:
    """`echotune serve --role learner`; every event has to be of another user, to count whole."""

    by = "track_id"

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._log = settings, folder.with_suffix(".log")
        said = {name: getattr(settings, name) for name in ("data_dir", "mongo_url", "redis_url")}
        said["events_redis_url"] = settings.events_redis_url
        self._env = {f"ECHOTUNE_{name.upper()}": value for name, value in said.items() if value}
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0.0

    def start(self) -> None:
        """Go on from the newest snapshot."""
        self._since = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service", "serve", "--no-demo", "--role", "learner"],
                cwd=ROOT,
                env=os.environ | self._env | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": ""},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_at_work(self) -> None:
        """Return when it has had the time to begin."""
        time.sleep(max(self._since + UP_S - time.monotonic(), 0))

    def kill(self) -> None:
        """Kill -9; what it has saved stays."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def counted(self, sent: Sequence[Event]) -> Counter[str]:
        """Plays by track, once they are right or have not moved for long."""
        # Plays fade; as of the middle of the events, which lie close together, they are whole.
        middle = datetime.fromisoformat(sent[len(sent) // 2]["at"])
        return asyncio.run(self._told(Counter(one[self.by] for one in sent), middle))

    async def _told(self, wanted: Counter[str], middle: datetime) -> Counter[str]:
        current = Current(lambda: middle)
        store = await open_store(self._settings)
        current.add_tracks(await store.tracks())
        await store.close()
        patches = RedisPatches(str(self._settings.events_redis_url))
        follower = Following(current, MemoryLease(), learner=None, patches=patches)
        names = [brief.id for brief in current.catalogue.briefs]
        until, moved, before = time.monotonic() + CAUGHT_UP_S, time.monotonic(), Counter[str]()
        while time.monotonic() < min(until, moved + MOVES_S) and before != wanted:
            await follower.follow(0.5)
            plays = current.trending.counts(middle, len(names))
            counted = Counter({name: round(float(n)) for name, n in zip(names, plays, strict=True)})
            if counted != before:
                before, moved = counted, time.monotonic()
        await follower.close()
        return before
