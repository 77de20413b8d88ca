"""The port every job queue fulfils; tests/contracts/test_jobs.py says what that means."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable

from msgspec import Struct

Status = Literal["queued", "running", "done", "failed", "cancelled"]
Priority = Literal["high", "normal", "low"]
Arguments = dict[str, str]
Progress = Callable[[float], None]
Receipt = dict[str, Any]
"""What a job has to say when it is done: JSON, and nothing that was to be forgotten."""

PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")
ATTEMPTS = 3
"""Runs of one job before it is a dead letter; a worker that died in one has used it up."""
LISTED = 100
"""Most jobs that one listing shows."""
KEPT = 1_000
"""Newest jobs, and newest dead letters, that can be listed."""


class Job(Struct, frozen=True, omit_defaults=True):
    """What GET /v1/jobs/{id} answers. `error` is set once no attempt is left."""

    job_id: str
    status: Status
    progress: float
    error: str = ""
    receipt: Receipt | None = None  # of what was done, if there is anything to say


class Claim(Struct, frozen=True):
    """One attempt at a job, owned by one worker; `generation` fences off those before it."""

    job_id: str
    kind: str
    arguments: Arguments
    attempt: int  # 1 is the first
    generation: int
    mark: str = ""  # of the trace in which it was asked for, if there is one: `spans.mark`


class DeadLetter(Struct, frozen=True):
    """A job that failed for good, as it can be run again."""

    job_id: str
    kind: str
    arguments: Arguments
    error: str
    attempts: int
    failed_at: datetime


class Depths(Struct, frozen=True):
    """How much waits: jobs by priority, the age of the oldest that is due, dead letters."""

    waiting: dict[Priority, int]
    oldest_s: float
    dead: int


@runtime_checkable  # Litestar checks what it injects
class JobQueue(Protocol):
    """Jobs by kind and JSON arguments; nothing that could run travels.

    Adapters raise `JobsUnavailable` when they cannot be reached, and `UnknownJob`.
    """

    async def put(self, kind: str, arguments: Arguments, *, priority: Priority = "normal") -> Job:
        """Queue a job; the one there is while the same kind with these arguments has not ended."""
        ...

    async def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            UnknownJob: it never was, or is forgotten.
        """
        ...

    async def newest(self) -> list[Job]:
        """The newest `LISTED` jobs, newest first."""
        ...

    async def claim(self, limit: int) -> list[Claim]:
        """Own up to `limit` due jobs: every high one before any normal one before any low one."""
        ...

    async def beat(self, claim: Claim, progress: float) -> bool:
        """Say that the attempt lives and how far it is; False when it is owned no longer."""
        ...

    async def done(self, claim: Claim, receipt: Receipt | None = None) -> bool:
        """End it well; False when it is owned no longer, and then it does not count.

        The arguments of a job with a receipt are forgotten: they may name whoever was erased.
        """
        ...

    async def failed(self, claim: Claim, error: str, *, retry_at: datetime | None) -> bool:
        """Queue it again for `retry_at`, or (None) make it a dead letter; False as in `done`."""
        ...

    async def release(self, claim: Claim) -> bool:
        """Put it back unharmed: no attempt is used up. False as in `done`."""
        ...

    async def cancel(self, job_id: str) -> Job:
        """Stop it from starting or, at its next beat, from going on; one that ended stays as it is.

        Raises:
            UnknownJob
        """
        ...

    async def dead(self) -> list[DeadLetter]:
        """The newest `LISTED` dead letters, newest first."""
        ...

    async def replay(self, job_id: str) -> Job:
        """Queue the job of a dead letter anew, which ends the letter; the new job.

        Raises:
            UnknownJob: there is no such dead letter.
        """
        ...

    async def recover(self, older_than: timedelta) -> None:
        """Take jobs from workers that have not beaten for this long: queued again, or dead."""
        ...

    async def turn(self, name: str, every: timedelta) -> bool:
        """True for one caller, of all that share the queue, in each interval."""
        ...

    async def depths(self) -> Depths:
        """How much waits."""
        ...

    async def sweep(self, before: datetime) -> None:
        """Forget what ended before then, dead letters too."""
        ...

    async def wait(self, limit_s: float) -> None:
        """Return when there may be something to claim, at the latest after `limit_s`."""
        ...

    async def close(self) -> None:
        """Let go of every resource."""
        ...


def identity(kind: str, arguments: Arguments) -> str:
    """What makes two jobs the same: kind and arguments, whatever their order."""
    return "\0".join((kind, *(f"{name}\0{arguments[name]}" for name in sorted(arguments))))
