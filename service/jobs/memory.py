"""Jobs of one process, for a service that runs alone; they end with it."""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from service import spans
from service.errors import UnknownJob
from service.jobs.protocol import (
    ATTEMPTS,
    KEPT,
    LISTED,
    PRIORITIES,
    Arguments,
    Claim,
    DeadLetter,
    Depths,
    Job,
    Priority,
    Receipt,
    Status,
    identity,
)


class _Entry(Struct):
    job_id: str
    number: int
    kind: str
    arguments: Arguments
    priority: Priority
    due: datetime
    at: datetime  # of its last change of status, or beat
    status: Status = "queued"
    progress: float = 0.0
    error: str = ""
    receipt: Receipt | None = None
    attempt: int = 1
    generation: int = 0
    mark: str = ""

    @property
    def job(self) -> Job:
        error = self.error if self.status == "failed" else ""
        return Job(self.job_id, self.status, self.progress, error, self.receipt)

    @property
    def place(self) -> tuple[int, datetime, int]:
        return PRIORITIES.index(self.priority), self.due, self.number


class MemoryJobs:
    """The jobs of this process: those that have not ended, and the newest thousand others."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock, self._numbers, self._wake = clock, itertools.count(), asyncio.Event()
        self._entries: dict[str, _Entry] = {}
        self._open: dict[str, str] = {}  # identity -> job id, of what has not ended
        self._dead: set[str] = set()
        self._turns: dict[str, datetime] = {}

    async def put(self, kind: str, arguments: Arguments, *, priority: Priority = "normal") -> Job:
        same = self._open.get(identity(kind, arguments))
        if same is not None:
            return self._entries[same].job
        now = self._clock()
        entry = _Entry(
            secrets.token_hex(8), next(self._numbers), kind, dict(arguments), priority, now, now
        )
        entry.mark = spans.mark()
        self._entries[entry.job_id] = entry
        self._open[identity(kind, arguments)] = entry.job_id
        self._wake.set()
        return entry.job

    async def get(self, job_id: str) -> Job:
        return self._entry(job_id).job

    async def newest(self) -> list[Job]:
        newest = itertools.islice(reversed(self._entries.values()), LISTED)
        return [entry.job for entry in newest]

    async def claim(self, limit: int) -> list[Claim]:
        now = self._clock()
        due = [entry for entry in self._waiting() if entry.due <= now]
        claimed = sorted(due, key=lambda entry: entry.place)[:limit]
        for entry in claimed:
            entry.status, entry.at, entry.progress = "running", now, 0.0
        return [
            Claim(one.job_id, one.kind, one.arguments, one.attempt, one.generation, one.mark)
            for one in claimed
        ]

    async def beat(self, claim: Claim, progress: float) -> bool:
        entry = self._owned(claim)
        if entry is not None:
            entry.at, entry.progress = self._clock(), progress
        return entry is not None

    async def done(self, claim: Claim, receipt: Receipt | None = None) -> bool:
        entry = self._owned(claim)
        if entry is not None:
            entry.progress, entry.receipt = 1.0, receipt
            self._end(entry, "done")
            if receipt is not None:
                entry.arguments = {}
        return entry is not None

    async def failed(self, claim: Claim, error: str, *, retry_at: datetime | None) -> bool:
        entry = self._owned(claim)
        if entry is not None:
            entry.error = error
            self._again(entry, retry_at)
        return entry is not None

    async def release(self, claim: Claim) -> bool:
        entry = self._owned(claim)
        if entry is not None:
            entry.attempt -= 1
            self._again(entry, self._clock())
        return entry is not None

    async def cancel(self, job_id: str) -> Job:
        entry = self._entry(job_id)
        if entry.status in ("queued", "running"):
            self._end(entry, "cancelled")
        return entry.job

    async def dead(self) -> list[DeadLetter]:
        newest = (one for one in reversed(self._entries.values()) if one.job_id in self._dead)
        return [
            DeadLetter(one.job_id, one.kind, one.arguments, one.error, one.attempt, one.at)
            for one in itertools.islice(newest, LISTED)
        ]

    async def replay(self, job_id: str) -> Job:
        if job_id not in self._dead:
            raise UnknownJob(f"there is no dead letter {job_id!r}")
        entry = self._entry(job_id)
        job = await self.put(entry.kind, entry.arguments, priority=entry.priority)
        self._dead.discard(job_id)
        return job

    async def recover(self, older_than: timedelta) -> None:
        now = self._clock()
        for entry in list(self._entries.values()):
            if entry.status == "running" and entry.at < now - older_than:
                entry.error = "its worker fell silent"
                self._again(entry, now if entry.attempt < ATTEMPTS else None)

    async def turn(self, name: str, every: timedelta) -> bool:
        """The first turn comes one interval after it is first asked for: a start is no reason."""
        now = self._clock()
        if now - self._turns.setdefault(name, now) < every:
            return False
        self._turns[name] = now
        return True

    async def depths(self) -> Depths:
        now, waiting = self._clock(), dict.fromkeys(PRIORITIES, 0)
        for entry in self._waiting():
            waiting[entry.priority] += 1
        oldest = min((entry.due for entry in self._waiting()), default=now)
        return Depths(waiting, max(0.0, (now - oldest).total_seconds()), len(self._dead))

    async def sweep(self, before: datetime) -> None:
        for entry in list(self._entries.values()):
            if entry.status not in ("queued", "running") and entry.at < before:
                self._forget(entry.job_id)

    async def wait(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def close(self) -> None:
        """Nothing is held."""

    def _waiting(self) -> list[_Entry]:
        opened = (self._entries[job_id] for job_id in self._open.values())
        return [entry for entry in opened if entry.status == "queued"]

    def _entry(self, job_id: str) -> _Entry:
        try:
            return self._entries[job_id]
        except KeyError:
            raise UnknownJob(f"there is no job {job_id!r}") from None

    def _owned(self, claim: Claim) -> _Entry | None:
        entry = self._entries.get(claim.job_id)
        if entry is None or entry.status != "running" or entry.generation != claim.generation:
            return None
        return entry

    def _again(self, entry: _Entry, due: datetime | None) -> None:
        if due is None:
            self._dead.add(entry.job_id)
            self._end(entry, "failed")
            return
        entry.status, entry.due, entry.at = "queued", due, self._clock()
        entry.progress = 0.0
        entry.attempt += 1
        entry.generation += 1
        self._wake.set()

    def _end(self, entry: _Entry, status: Status) -> None:
        entry.status, entry.at = status, self._clock()
        self._open.pop(identity(entry.kind, entry.arguments), None)
        ended = (job_id for job_id, one in self._entries.items() if one.status not in _OPEN)
        for job_id in list(itertools.islice(ended, max(0, len(self._entries) - KEPT))):
            self._forget(job_id)

    def _forget(self, job_id: str) -> None:
        del self._entries[job_id]
        self._dead.discard(job_id)


_OPEN = ("queued", "running")
