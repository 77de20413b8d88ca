"""`echotune serve --role learner`, killed again and again: every listen counts once.

Listens are stored and published as ingest does it, some of them twice, some of them stored only
(their publisher died in between); the learner is killed with -9 at random moments and begins again.
What it tells the others in the end is the exact number of plays of every track: each play is of
another user, so that it counts whole.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import numpy as np
import pytest

from service.bus import ListenStored
from service.bus.lease import MemoryLease
from service.bus.redis_patches import RedisPatches
from service.bus.redis_streams import RedisStream
from service.domain import Listen
from service.learn.following import Following
from service.learn.snapshot import Snapshots
from service.model.current import Current
from service.model.trending import Trending
from service.store.sqlite import SqliteStore
from tests import worlds
from tests.faults.sizes import say, size
from tests.service.learn.learning import Process, jazz

SEED = 5
AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
"""On the hour, since that is how exactly a store tells what trends."""
BATCH = 20


class Learning:
    """The process under test, begun again after every kill."""

    def __init__(self, data: Path, url: str) -> None:
        self._env = {
            **os.environ,
            "ECHOTUNE_DATA_DIR": str(data),
            "ECHOTUNE_EVENTS_REDIS_URL": url,
            "NUMBA_CACHE_DIR": "",
        }
        self.process = self._begin()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._begin()

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(60)

    def _begin(self) -> "subprocess.Popen[bytes]":
        words = (sys.executable, "-m", "service", "serve", "--role", "learner")
        return subprocess.Popen(words, env=self._env)


async def test_whatever_is_killed_every_listen_counts_once(data: Path, own_valkey_url: str) -> None:
    url, draw = own_valkey_url, random.Random(SEED)
    store, stream, patches = SqliteStore(data / "echotune.db"), RedisStream(url), RedisPatches(url)
    tracks = worlds.tracks()
    await store.put_tracks(tracks)
    current = Current(lambda: AT)
    current.add_tracks(tracks)
    follower = Following(current, MemoryLease(), learner=None, patches=patches)
    learning, kills = Learning(data, url), size(3, 25)
    expected: Counter[int] = Counter()
    number = 0
    try:
        for kill in range(kills):
            until = asyncio.get_running_loop().time() + draw.uniform(3, 6)
            while asyncio.get_running_loop().time() < until:
                batch = []
                for _ in range(BATCH):
                    row, number = draw.randrange(len(tracks)), number + 1
                    batch.append(
                        Listen(user_id=f"u{number}", track_id=tracks[row].id, id="l", at=AT)
                    )
                    expected[row] += 1
                await store.append(batch)
                if kill + 1 == kills or draw.random() > 0.1:  # else whoever took it died here
                    for _ in range(1 if draw.random() > 0.2 else 2):
                        await stream.publish([ListenStored(batch)])
                await asyncio.sleep(0.01)
            if kill + 1 < kills:
                learning.kill()
        wanted = [float(expected[row]) for row in range(len(tracks))]
        with anyio.fail_after(300):
            while current.trending.counts(AT, len(tracks)).round(3).tolist() != wanted:
                assert learning.process.poll() is None
                await follower.follow(0.1)
        code = learning.end()
    finally:
        learning.process.kill()
    say(f"{number} listens, {kills - 1} kill -9: 0 lost, 0 counted twice")

    assert 0 == code
    found = Snapshots(data / "learner").load()
    assert found is not None
    landmark = datetime.fromisoformat(found[0].about["landmark"])
    saved = Trending(landmark, found[1]["trending"]).counts(AT, len(tracks))
    assert wanted == saved.round(3).tolist()
    await follower.close()
    await stream.close()
    await store.close()


async def test_the_control_that_knows_no_listen_again_counts_some_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.recent.Recent.add", lambda _, keys, __: np.ones(keys.size, np.bool_))
    process = Process(tmp_path)
    await process.learner.begin()
    for _ in range(2):
        await process.heard(*(jazz(number, user=f"u{number}") for number in range(5)))
    learned = await process.catch_up()

    assert 10 == sum(learned.allowance.played.values())
