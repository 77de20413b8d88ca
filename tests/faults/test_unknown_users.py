"""A flood of user ids nobody knows: the store is asked once each, and no listener loses a list.

Over a real Valkey and SQLite, in one process whose clock is the test's.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import pytest

from service.building import build
from service.bus.lease import MemoryLease
from service.bus.memory import MemoryStream
from service.bus.memory_traces import MemoryTraces
from service.cache.absent import LIFE_S, Absent
from service.cache.clients import open_blocking_client, open_client
from service.cache.link import Link
from service.cache.redis import RedisShared
from service.cache.revs import Revs
from service.cache.two_level import ABSENT_SHARE, TwoLevel
from service.domain import Listen, User
from service.house import House
from service.jobs.memory import MemoryJobs
from service.learn.updates import Updates
from service.recommend.ask import Ask
from service.settings import Settings
from service.store.sqlite import SqliteStore
from tests.faults import crowd
from tests.faults.sizes import size
from tests.service.given import model

STRANGERS = size(1_000, 100_000)
LISTENERS = size(250, 5_000)
CAPACITY = size(3, 64) << 20  # of which the listeners' lists take most
TOGETHER = 20
BETWEEN_S = LIFE_S - 0.5  # two questions about one stranger


NAMES = [f"stranger{number}" for number in range(STRANGERS)]


class Counted(SqliteStore):
    """A store that counts how often it is asked for whom."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked = Counter[str]()
        self.knows_everybody = False

    async def known(self, user_id: str, limit: int) -> tuple[User, list[Listen]] | None:
        self.asked[user_id] += 1
        found = await super().known(user_id, limit)
        return (User(id=user_id, rev=1), []) if found is None and self.knows_everybody else found


class World:
    """A house whose cache believes that it is `now`."""

    def __init__(self, store: Counted, shared: RedisShared, folder: Path) -> None:
        self.now = time.monotonic()
        settings = Settings(
            data_dir=str(folder), strategy_timeout_ms=10_000, store_timeout_ms=10_000
        )
        cache = TwoLevel(CAPACITY, Revs(), shared, clock=lambda: self.now)
        self.store, self.cache = store, cache
        self.house: House = build(
            settings,
            store,
            cache,
            MemoryJobs(),
            MemoryStream(),
            traces=MemoryTraces(),
            updates=Updates(),
            lease=MemoryLease(),
            patches=None,
        )
        self._listeners = crowd.zipf(LISTENERS, seed=1)

    async def ask(self, user_id: str) -> bool:
        """Whether the list was kept in this process."""
        _, source = await self.house.recommender.for_user(user_id, Ask())
        return source == "local"

    async def listeners(self, count: int) -> int:
        """How many of so many questions of listeners were answered from this process."""
        return sum([await self.ask(name) for name in islice(self._listeners, count)])

    async def flood(self) -> int:
        """Every stranger asks, in `BETWEEN_S`, and as many listeners between them: their hits."""
        hits = 0
        for start in range(0, STRANGERS, TOGETHER):
            some = NAMES[start : start + TOGETHER]
            await asyncio.gather(*(self.ask(name) for name in some))
            hits += await self.listeners(len(some))
            self.now += BETWEEN_S * len(some) / STRANGERS
        return hits

    def asked(self) -> set[int]:
        """How often the store was asked for a stranger: all the numbers there are."""
        return {self.store.asked[name] for name in NAMES}


@pytest.fixture
async def world(tmp_path: Path, valkey_url: str) -> AsyncIterator[World]:
    async with opened(tmp_path, valkey_url) as made:
        yield made


@asynccontextmanager
async def opened(folder: Path, url: str) -> AsyncIterator[World]:
    """A world whose listeners have all asked once."""
    client, listening = open_client(url), open_blocking_client(url)
    shared, store = RedisShared(client, budget_s=5.0), Counted(folder / "store.db")
    await crowd.settle(store, LISTENERS)
    world = World(store, shared, folder)
    link = Link(listening, world.cache, name=shared.name)
    link.open()
    async with asyncio.timeout(20):
        while not world.cache.linked:  # noqa: ASYNC110 - there is nobody to tell
            await asyncio.sleep(0.01)
    await world.house.refresh.load()
    world.house.current.model = model(world.house.current.catalogue)
    try:
        for name in reversed(crowd.names(LISTENERS)):
            await world.ask(name)
        await world.ask("somebody")  # the list of all strangers
        yield world
    finally:
        await link.close()
        await world.house.reads.close()
        await world.cache.close()
        await shared.close()
        await client.aclose()
        await listening.aclose()
        await store.close()


async def test_each_is_looked_up_once_in_half_a_minute_and_no_listener_notices(world) -> None:
    before, held = await world.listeners(2 * STRANGERS), world.cache.local.weight

    during = await world.flood() + await world.flood()

    assert {1} == world.asked()
    assert before - during < 0.01 * 2 * STRANGERS
    assert held == world.cache.local.weight
    assert world.cache._absent.size_bytes <= ABSENT_SHARE * CAPACITY

    world.now += 2 * LIFE_S
    await world.flood()
    assert {2} == world.asked()  # nobody is a stranger for ever


async def test_without_negative_entries_each_question_is_a_look(world, monkeypatch) -> None:
    """The control."""
    monkeypatch.setattr(Absent, "add", lambda *_: None)

    await world.flood()
    await world.flood()

    assert {2} == world.asked()


async def test_if_each_had_a_list_of_their_own_listeners_would_lose_theirs(world) -> None:
    """The control: they are kept like listeners."""
    before = await world.listeners(2 * STRANGERS)
    world.store.knows_everybody = True

    during = await world.flood() + await world.flood()

    assert before - during > 0.01 * 2 * STRANGERS
