"""Work that outlives its request: started once, run in the background, polled by id."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from msgspec import Struct

from service.errors import AlreadyRunning, EchoTuneError, UnknownJob

log = structlog.get_logger()

Status = Literal["queued", "running", "done", "failed", "cancelled"]
Progress = Callable[[float], None]
KEPT = 1_000


class Job(Struct, omit_defaults=True):
    """What GET /v1/jobs/{id} answers."""

    job_id: str
    status: Status
    progress: float
    error: str = ""


class Jobs:
    """The jobs of this process, the newest thousand of them."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, kind: str, work: Callable[[Progress], Awaitable[None]]) -> Job:
        """Run `work` in the background; one of a `kind` at a time.

        Raises:
            AlreadyRunning: a job of this kind has not ended yet.
        """
        if kind in self._running:
            raise AlreadyRunning(f"a {kind} job is already running")
        job = Job(job_id=secrets.token_hex(8), status="queued", progress=0.0)
        self._jobs[job.job_id] = job
        while len(self._jobs) > KEPT:
            self._jobs.pop(next(iter(self._jobs)))
        self._running[kind] = asyncio.create_task(self._run(kind, job, work))
        return job

    def get(self, job_id: str) -> Job:
        """The job with this id.

        Raises:
            UnknownJob: it never was, or a thousand others came after it.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(f"there is no job {job_id!r}") from None

    async def close(self) -> None:
        """Cancel what runs and wait until it has let go."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, kind: str, job: Job, work: Callable[[Progress], Awaitable[None]]) -> None:
        def progress(share: float) -> None:
            job.progress = round(share, 3)

        job.status = "running"
        try:
            await work(progress)
        except asyncio.CancelledError:
            job.status = "cancelled"
            raise
        except EchoTuneError as error:
            job.status, job.error = "failed", str(error)
        except Exception:
            log.exception("job failed", kind=kind, job_id=job.job_id)
            job.status, job.error = "failed", "an unexpected error; the log has it"
        else:
            job.status, job.progress = "done", 1.0
        finally:
            self._running.pop(kind, None)
