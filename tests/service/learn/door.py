"""An ingest with an open ear."""

from collections.abc import Sequence

from service.bus import START, Bus, ListenStored, UserUpdated
from service.bus.memory import MemoryStream
from service.domain import Listen
from service.learn.ingest import Ingest, Receipt, Rejected
from service.store import Store
from service.store.memory import MemoryStore
from tests.service.given import NOON

KNOWN = frozenset({"a", "b"})


class Door:
    """An ingest, its store, and what was heard on its bus and by everybody."""

    def __init__(self, store: Store | None = None) -> None:
        self.store, self.heard, self.now = store or MemoryStore(), list[object](), NOON
        self.stream = MemoryStream(most_waiting=5)
        self.bus = bus = Bus(self.stream)
        self.ingest = Ingest(self.store, bus, KNOWN.__contains__, lambda: self.now)

        async def hear(fact: object) -> None:
            self.heard.append(fact)

        bus.subscribe(ListenStored, hear)
        bus.subscribe(UserUpdated, hear)

    async def take(self, *listens: Listen | Rejected) -> Receipt:
        return await self.ingest.take(listens)

    async def told(self) -> list[object]:
        return [entry.fact for entry in await self.stream.read(START, limit=100)]

    async def stored(self, user_id: str = "u1") -> Sequence[Listen]:
        return await self.store.recent(user_id, 100)
