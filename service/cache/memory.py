"""The shared level inside one process, for tests and simulations; lost at exit."""

from collections.abc import Callable, Sequence
from itertools import count

from msgspec import Struct

from service.cache.answer import GENERATION_BYTES, Answer
from service.cache.protocol import ERASED, LEASE_S, PLACEHOLDER_S, RECORD_S, Claim, Found


class Record(Struct, frozen=True):
    """A user's newest known rev, until a moment."""

    rev: int
    generation: bytes
    until: float


class Stored(Struct, frozen=True):
    """An answer under the generation of its record, until a moment."""

    answer: Answer
    generation: bytes
    until: float
    name: bytes


class MemoryShared:
    """Dictionaries, and a clock that tests may turn. `hear` is told what `note` tells others."""

    def __init__(
        self, clock: Callable[[], float], *, hear: Callable[[str, int], None] = lambda *_: None
    ) -> None:
        self._clock, self._hear, self._numbers = clock, hear, count()
        self.announced = 0
        self.records: dict[str, Record] = {}
        self.answers: dict[str, Stored] = {}
        self.leases: dict[str, tuple[bytes, float]] = {}

    async def read(self, user_id: str, key: str) -> Found:
        record, stored = self._record(user_id), self._stored(key)
        if record is None:
            return Found(ERASED, None, _seen(stored))
        if stored is None or not _counts(stored, record):
            return Found(record.rev, None, _seen(stored))
        return Found(record.rev, stored.answer, _seen(stored))

    async def claim(self, user_id: str, key: str, rev: int, seen: bytes) -> Claim:
        now, name = self._clock(), f"{key}|{rev}"
        record = self._record(user_id)
        if record is None:
            record = Record(ERASED, self._name(), now + PLACEHOLDER_S)
            self.records[user_id] = record
        holder = self.leases.get(name)
        token = self._name()
        held = seen == _seen(self._stored(key)) and (holder is None or holder[1] <= now)
        if held:
            self.leases[name] = (token, now + LEASE_S)
        return Claim(rev, record.generation, held, token)

    async def put(
        self, user_id: str, key: str, answer: Answer, claim: Claim, *, ttl_s: float
    ) -> bool:
        await self.release(key, claim)
        record, stored, now = self._record(user_id), self.answers.get(key), self._clock()
        if record is None or record.generation != claim.generation or answer.rev < record.rev:
            return False
        if stored and stored.generation == claim.generation and stored.answer.rev > answer.rev:
            return False
        self.records[user_id] = Record(answer.rev, record.generation, now + RECORD_S)
        self.answers[key] = Stored(answer, claim.generation, now + ttl_s, self._name())
        return True

    async def release(self, key: str, claim: Claim) -> None:
        name = f"{key}|{claim.rev}"
        if self.leases.get(name, (b"", 0.0))[0] == claim.token:
            del self.leases[name]

    async def note(self, revs: Sequence[tuple[str, int]]) -> None:
        now = self._clock()
        for user_id, rev in revs:
            record = self._record(user_id)
            if rev == ERASED or record is None:
                record = Record(rev, self._name(), now)
            self.records[user_id] = Record(max(rev, record.rev), record.generation, now + RECORD_S)
            self._hear(user_id, rev)

    async def announce(self) -> None:
        self.announced += 1

    def _record(self, user_id: str) -> Record | None:
        record = self.records.get(user_id)
        return record if record is not None and record.until > self._clock() else None

    def _stored(self, key: str) -> Stored | None:
        stored = self.answers.get(key)
        return stored if stored is not None and stored.until > self._clock() else None

    def _name(self) -> bytes:
        return b"%0*d" % (GENERATION_BYTES, next(self._numbers))


def _seen(stored: Stored | None) -> bytes:
    return b"" if stored is None else stored.name


def _counts(stored: Stored, record: Record) -> bool:
    return stored.generation == record.generation and stored.answer.rev >= record.rev
