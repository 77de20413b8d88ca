"""Everything between a player and what is learned from it, each part to be killed and started.

An API process, a store (MongoDB's stand-in, or SQLite inside that process), the Redis that carries
events, and a learner that follows them.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from service.adapters import open_store
from service.domain import milliseconds
from service.settings import Settings
from tests import servers
from tests.faults.deliveries import TRACK_BODIES, Event
from tests.faults.learner import Learner
from tests.faults.online_learner import OnlineLearner
from tests.faults.serving import ROOT, Service
from tests.faults.together import Together

DURABLE = ("--appendonly", "yes", "--maxmemory-policy", "noeviction", "--appendfsync")
UNREAD_S = 0.5
LIVES_S = 6.0
"""A worker that ends sooner looks to Granian like one that never will do, and it gives up."""
RESPAWN_S = FILLED_S = 30.0


class Verdict(Struct, frozen=True):
    """What became of the events, in the history and in what was learned."""

    history_lost: int = 0
    history_double: int = 0
    counts_lost: int = 0
    counts_double: int = 0


NOTHING_WRONG = Verdict()


class Plant(Together):
    """All of it, running for as long as the `with`."""

    def __init__(
        self,
        folder: Path,
        data: Path,
        *,
        mongo: bool,
        learner: Callable[[Settings, Path], Learner | OnlineLearner] = Learner,
        appendfsync: str = "always",
        through: tuple[str, ...] = (),
        service: type[Service] = Service,
    ) -> None:
        for name in ("events", "cache", "mongo"):
            (folder / name).mkdir()
        self._events = servers.valkey(folder / "events", *DURABLE, appendfsync, through=through)
        self._cache = servers.valkey(folder / "cache")
        self._mongo = servers.mongo(folder / "mongo", "--sync-on-commit") if mongo else None
        self._folder, self._data, self._kind, self._learns = folder, data, service, learner
        super().__init__()
        self._worker_since = 0.0

    def _start(self) -> None:
        for server in (self._events, self._cache, self._mongo):
            if server is not None:
                self._running.enter_context(server)
        self._settings = Settings(
            data_dir=str(self._data),
            mongo_url=f"{self._mongo.url}echotune" if self._mongo else None,
            redis_url=self._cache.url,
            events_redis_url=self._events.url,
        )
        env = {
            f"ECHOTUNE_{name.upper()}": getattr(self._settings, name)
            for name in ("mongo_url", "redis_url", "events_redis_url")
            if getattr(self._settings, name)
        }
        # Few users send everything, most of it several times: no limit is under test here.
        unlimited = {"ECHOTUNE_USER_LISTENS_PER_MINUTE": "0"}
        env |= {"ECHOTUNE_ROLE": "api", "PYTHONPATH": str(ROOT), **unlimited}
        self.service = self._kind(self._data, env=env)
        self._running.enter_context(self.service)
        self.learner = self._learns(self._settings, self._folder / "learner")
        self._running.callback(self.learner.kill)
        self.learner.start()
        until = time.monotonic() + FILLED_S  # a disk that is slow on purpose may be too slow once
        while (answer := self.service.put("/v1/tracks", TRACK_BODIES)).status_code != 200:
            assert time.monotonic() < until, answer.text

    def kill_worker(self) -> None:
        """The API process; the one above it starts another."""
        time.sleep(max(self._worker_since + LIVES_S - time.monotonic(), 0))
        before = self.service.workers()
        os.kill(before[0], signal.SIGKILL)
        until = time.monotonic() + RESPAWN_S
        while self.service.workers() in ([], before) and time.monotonic() < until:
            time.sleep(0.05)
        self.service.wait_ready()
        self._worker_since = time.monotonic()

    def kill_learner(self) -> None:
        """What it has not saved it learns again; it has saved something since it began."""
        self.learner.wait_at_work()
        self.learner.kill()
        self.learner.start()

    def kill_events(self) -> None:
        """The Redis that carries events; it comes back at the same address."""
        _restart(self._events)

    def kill_events_unread(self) -> None:
        """The same while the learner is away, so that nobody has read what only memory holds."""
        self.learner.wait_at_work()
        self.learner.kill()
        time.sleep(UNREAD_S)
        self.kill_events()
        self.learner.start()

    def kill_store(self) -> None:
        """MongoDB's stand-in at the same address; SQLite dies with the whole service."""
        if self._mongo is None:
            self.service.kill()
            self.service.start()
            self._worker_since = time.monotonic()
        else:
            _restart(self._mongo)

    def verdict(self, sent: Sequence[Event]) -> Verdict:
        """What is in the store, and what the learner knows once it has caught up."""
        history = asyncio.run(self._history())
        wanted = Counter(_who_what_when(one) for one in sent)
        learned = Counter(one[self.learner.by] for one in sent)
        counted = self.learner.counted(sent)
        return Verdict(
            history_lost=(wanted - history).total(),
            history_double=(history - wanted).total(),
            counts_lost=(learned - counted).total(),
            counts_double=(counted - learned).total(),
        )

    async def _history(self) -> Counter[tuple[str, str, int]]:
        store = await open_store(self._settings)
        listens = [one async for batch in store.listens() for one in batch]
        await store.close()
        return Counter((one.user_id, one.track_id, milliseconds(one.at)) for one in listens)


def _restart(server: servers.Server) -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    server.start(again=True)


def _who_what_when(event: Event) -> tuple[str, str, int]:
    at = datetime.fromisoformat(event["at"])
    return event["user_id"], event["track_id"], milliseconds(at)
