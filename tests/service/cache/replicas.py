"""Several processes' caches over one shared level, with every hop in the hands of a test.

The code under test is the real one: TwoLevel, Local, Revs, Notices, Flights, MemoryShared. What is
made up is the clock, the transport and the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from service.cache.answer import Answer
from service.cache.memory import MemoryShared
from service.cache.protocol import ERASED, Claim, Found, Shared, SharedUnavailable
from service.cache.revs import Revs
from service.cache.two_level import Served, TwoLevel

USER, KEY = "u", "u|v1.0|20"
FRESH_S, STALE_S, COST_S = 900.0, 300.0, 0.2

Result = TypeVar("Result")


class Clock:
    """Time that passes when told. Whoever sleeps wakes up then."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    def tick(self, seconds: float) -> None:
        self.now += seconds
        due = [one for one in self._sleepers if one[0] <= self.now]
        self._sleepers = [one for one in self._sleepers if one[0] > self.now]
        for _, future in due:
            if not future.done():
                future.set_result(None)


class Gates:
    """Where work waits until a test lets it go on."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    async def stop(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        try:
            await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)

    def open(self, index: int) -> None:
        if self.waiting:
            future = self.waiting.pop(index % len(self.waiting))
            if not future.done():
                future.set_result(None)


class Wire:
    """One process's way to the shared level. Writes wait at the gates; it can be broken."""

    def __init__(self, shared: Shared, gates: Gates) -> None:
        self._shared, self._gates = shared, gates
        self.broken = False

    async def read(self, user_id: str, key: str) -> Found:
        return await self._pass(self._shared.read(user_id, key))

    async def claim(self, user_id: str, key: str, rev: int, seen: bytes) -> Claim:
        return await self._pass(self._shared.claim(user_id, key, rev, seen))

    async def put(
        self, user_id: str, key: str, answer: Answer, claim: Claim, *, ttl_s: float
    ) -> bool:
        await self._gates.stop()
        return await self._pass(self._shared.put(user_id, key, answer, claim, ttl_s=ttl_s))

    async def release(self, key: str, claim: Claim) -> None:
        await self._pass(self._shared.release(key, claim))

    async def note(self, revs: Sequence[tuple[str, int]]) -> None:
        await self._gates.stop()
        await self._pass(self._shared.note(revs))

    async def announce(self) -> None:
        await self._pass(self._shared.announce())

    async def _pass(self, call: Awaitable[Result]) -> Result:
        if self.broken:
            asyncio.ensure_future(call).cancel()
            raise SharedUnavailable
        return await call


class Database:
    """One user. `rev` ERASED: there is none. Revs are never used twice."""

    def __init__(self) -> None:
        self.rev = self.last = 1
        self.erased_at = 0  # `last` at the last erasure

    def write(self) -> int:
        self.last += 1
        self.rev = self.last
        return self.rev

    def erase(self) -> None:
        self.last += 1
        self.rev, self.erased_at = ERASED, self.last


class Replica:
    """One process: its cache, its link, what has been sent to it and is on the way."""

    def __init__(
        self, clock: Clock, shared: Shared, database: Database, revs: Revs, kind: type[TwoLevel]
    ) -> None:
        self.clock, self.database = clock, database
        self.writes, self.fills = Gates(), Gates()
        self.wire = Wire(shared, self.writes)
        self.revs = revs
        self.cache = kind(
            1 << 20, revs, self.wire, clock=clock, sleep=clock.sleep, draw=lambda: 0.5
        )
        self.inbox: list[int] = []
        self.silent_since: float | None = clock.now
        self.own = 0  # the newest change made here
        self.telling: set[asyncio.Task[None]] = set()

    @property
    def linked(self) -> bool:
        return self.silent_since is None

    @property
    def owes(self) -> bool:
        """Whether others have not been told everything yet."""
        assert self.cache._notices is not None
        return bool(self.cache._notices._owed)

    @property
    def busy(self) -> bool:
        flights = bool(self.cache._flights._flights) or bool(self.cache._storing)
        return flights or self.owes or bool(self.inbox) or bool(self.fills.waiting)

    async def get(self) -> Served:
        return await self.cache.get(USER, KEY, self._load)

    def tell(self, rev: int | None) -> None:
        """What a request does after its write is durable."""
        self.own = self.database.last
        task = asyncio.ensure_future(self.cache.note(USER, rev))
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    def servable(self) -> int | None:
        """The rev that a reader would get from memory alone."""
        kept, floor = self.cache.local.get(KEY), self.revs.get(USER)
        if kept is None or floor is None or kept.rev < floor:
            return None
        return kept.rev if self.cache._trusts(kept, self.clock.now) else None

    async def _load(self) -> Answer | None:
        rev = self.database.rev
        await self.fills.stop()
        if rev == ERASED:
            return None
        now = self.clock.now
        return Answer(b"%d" % rev, str(rev), rev, now, COST_S, FRESH_S, STALE_S)

    async def close(self) -> None:
        for task in self.telling:
            task.cancel()
        for task in self.cache._storing:
            task.cancel()
        await self.cache.close()


class Careless(Revs):
    """A local level without floors: everything kept counts. For the broken variants."""

    def __init__(self) -> None:
        super().__init__()
        self.floor: Callable[[str], int | None] = lambda _: 0

    def get(self, user_id: str) -> int | None:
        return 0


class Dropping(TwoLevel):
    """Hears of a change and drops what is kept, as most caches do. For the broken variants."""

    def heard(self, user_id: str, rev: int) -> None:
        super().heard(user_id, rev)
        self.local.clear()


class Unversioned(MemoryShared):
    """A shared level where a change deletes and a fill stores. For the broken variants."""

    async def read(self, user_id: str, key: str) -> Found:
        stored = self.answers.get(key)
        if stored is None or stored.until <= self._clock():
            return Found(ERASED, None)
        return Found(ERASED, stored.answer)

    async def put(
        self, user_id: str, key: str, answer: Answer, claim: Claim, *, ttl_s: float
    ) -> bool:
        self.records.pop(user_id, None)
        self.answers.pop(key, None)
        fresh = await self.claim(user_id, key, claim.rev, b"")
        return await super().put(user_id, key, answer, fresh, ttl_s=ttl_s)

    async def note(self, revs: Sequence[tuple[str, int]]) -> None:
        self.answers.clear()
        await super().note(revs)
