"""A cache whose store and clock are in the hands of a test."""

import asyncio

from service.cache.answer import Answer
from service.cache.memory import MemoryShared
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel

KEY = "u1|v1.0|20"


class Desk:
    """A cache, and a store that can be slow."""

    def __init__(self, shared: MemoryShared | None = None, *, linked: bool = True) -> None:
        self.now, self.rev, self.loads = 100.0, 1, 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.shared, self.revs = shared, Revs()
        self.cache = TwoLevel(1 << 20, self.revs, shared, clock=lambda: self.now, draw=lambda: 0.5)
        if shared is not None and linked:
            self.cache.regained()

    async def load(self) -> Answer | None:
        self.loads += 1
        rev = self.rev
        await self.gate.wait()
        return Answer(b"{}", "t", rev, self.now, 0.2, 900.0, 300.0) if rev else None

    async def get(self, user_id: str = "u1") -> tuple[int, str] | None:
        served = await self.cache.get(user_id, f"{user_id}|v1.0|20", self.load)
        return served and (served[0].rev, served[1])


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
