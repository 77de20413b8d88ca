"""Several processes with a cache and an audit each; store, shared level and time are a test's."""

from collections.abc import Callable

from prometheus_client import REGISTRY

from service import deadline
from service.cache.answer import Answer
from service.cache.memory import MemoryShared
from service.cache.protocol import Found, SharedUnavailable
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import User, UserSettings
from service.learn.cache_audit import CacheAudit
from service.recommend.addressed import NOBODY
from service.recommend.recommender import NOBODYS_REV
from service.store.memory import MemoryStore
from tests.service.cache.desk import settle
from tests.service.cache.replicas import Clock


def counted(level: str) -> tuple[float, float]:
    """Audited, and inconsistent of them, since this process began."""
    audited, inconsistent = (
        REGISTRY.get_sample_value(f"echotune_cache_{name}_total", {"level": level}) or 0.0
        for name in ("audited", "inconsistent")
    )
    return audited, inconsistent


class Store(MemoryStore):
    """A real one that can be out of reach, and knows how long its last reader would wait."""

    fails: Exception | None = None
    until = 0.0

    async def user(self, user_id: str) -> User | None:
        self.until = deadline.UNTIL.get()
        if self.fails is not None:
            raise self.fails
        return await super().user(user_id)


class Shared(MemoryShared):
    """A real one that can be out of reach of readers."""

    down = False

    async def read(self, user_id: str, key: str) -> Found:
        if self.down:
            raise SharedUnavailable
        return await super().read(user_id, key)


class Deaf(Revs):
    """The broken variant: the first rev of a user stays the floor for ever."""

    def learn(self, user_id: str, rev: int, *, as_of: int | None = None) -> None:
        if self.get(user_id) is None:
            super().learn(user_id, rev, as_of=as_of)


class Process:
    """One of several on one store: its cache and its audit."""

    def __init__(self, world: "World", revs: Revs, share: float) -> None:
        self.store = world.store
        self.clock = world.clock
        self.cache = TwoLevel(
            1 << 20, revs, world.shared, clock=self.clock, sleep=self.clock.sleep, draw=lambda: 0.5
        )
        self.cache.regained()
        self.audit = CacheAudit(self.store, self.cache, share=share, sleep=self.clock.sleep)
        self.audit.watch()

    async def get(self, user_id: str = "u", ask: str = "20") -> int | None:
        served = await self.cache.get(user_id, f"{user_id}|v1.0|{ask}", lambda: self._load(user_id))
        await settle()
        return served and served[0].rev

    async def _load(self, user_id: str) -> Answer | None:
        user = User(id=NOBODY, rev=NOBODYS_REV) if user_id == NOBODY else None
        user = user or await self.store.user(user_id)
        if user is None:
            return None
        return Answer(b"{}", "t", user.rev, self.clock.now, 0.0, 900.0, 300.0)


class World:
    """A store, a shared level, time, and what was counted since it began."""

    def __init__(self) -> None:
        self.clock, self.store = Clock(), Store()
        self.shared: MemoryShared = Shared(self.clock, hear=self.hear)
        self.processes: list[Process] = []
        self._began = {level: counted(level) for level in ("local", "shared")}
        self.deafened = False

    def hear(self, user_id: str, rev: int) -> None:
        for one in self.processes:
            if not self.deafened:
                one.cache.heard(user_id, rev)

    def open(self, make: Callable[[], Revs] = Revs, *, share: float = 1.0) -> Process:
        self.processes.append(Process(self, make(), share))
        return self.processes[-1]

    async def write(self, one: Process, user_id: str = "u") -> None:
        user = await self.store.put_user(user_id, UserSettings(timezone="UTC"))
        await one.cache.note(user_id, user.rev)
        await settle()

    async def pass_(self, seconds: float) -> None:
        """Half a second at a time, so that whoever sleeps wakes when it is due."""
        for _ in range(round(seconds * 2)):
            self.clock.tick(0.5)
            await settle()

    def counts(self, level: str) -> tuple[float, float]:
        now, then = counted(level), self._began[level]
        return now[0] - then[0], now[1] - then[1]
