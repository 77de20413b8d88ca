"""Who runs what kind, how often, and what happens when it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

import structlog
from msgspec import Struct

from service import metrics, spans
from service.errors import (
    Conflict,
    EchoTuneError,
    Invalid,
    ModelNotReady,
    NotFound,
    Unavailable,
)
from service.jobs.protocol import (
    ATTEMPTS,
    PRIORITIES,
    Arguments,
    Claim,
    JobQueue,
    Progress,
    Receipt,
)

log = structlog.get_logger()

Handler = Callable[[Arguments, Progress], Awaitable[Receipt | None]]

CONCURRENCY = 5
BACKOFF_S = 2.0
"""Wait before the second attempt; it doubles with each one after."""
BEAT_S = 1.0
STALE_S = 30.0
"""Silence after which a worker counts as dead: thirty beats, longer than a loop ever blocks."""
TEND_S = 5.0
IDLE_S = 1.0
AGAIN_S = 1.0
KEPT_FOR = timedelta(days=7)
OUTCOMES = ("done", "failed", "retried", "lost")
FINAL = (Invalid, NotFound, Conflict, ModelNotReady)
"""Errors that the same job would meet again; a fit lacks listens, and waiting brings none."""


class Scheduled(Struct, frozen=True):
    """A kind that comes up again and again, in a queue that everything else overtakes."""

    kind: str
    every: timedelta


class Runner:
    """Runs the jobs of one queue, at most `concurrency` at a time.

    A handler may be run more than once for one job (a worker that died had perhaps almost ended),
    so each has to leave the same state however often it runs. Its job ends once.
    """

    def __init__(
        self,
        queue: JobQueue,
        handlers: Mapping[str, Handler],
        *,
        schedule: Sequence[Scheduled] = (),
        concurrency: int = CONCURRENCY,
        beat_s: float = BEAT_S,
        stale_s: float = STALE_S,
        tend_s: float = TEND_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._queue, self._handlers, self._schedule = queue, handlers, schedule
        self._concurrency, self._clock = concurrency, clock
        self._beat_s, self._stale, self._tend_s = beat_s, timedelta(seconds=stale_s), tend_s
        self._attempts: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        for kind, outcome in product(handlers, OUTCOMES):
            metrics.JOBS.labels(kind, outcome)  # from 0 on

    def start(self) -> None:
        """Take jobs from now on."""
        self._loops = [asyncio.create_task(self._take()), asyncio.create_task(self._tend())]

    async def close(self) -> None:
        """Take no more; what runs goes back into the queue for somebody else."""
        pending = {*self._loops, *self._attempts}
        while pending:  # again, if a driver's time limit and a cancellation met and one was lost
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
        self._loops = []

    async def attempt(self, claim: Claim) -> None:
        """Run one claimed attempt to its end, beating; cancelled, it puts the job back."""
        share = 0.0

        def progress(value: float) -> None:
            nonlocal share
            share = round(min(max(value, 0.0), 1.0), 3)

        work = asyncio.ensure_future(self._work(claim, progress))
        try:
            while not (await asyncio.wait({work}, timeout=self._beat_s))[0]:
                if not await self._beat(claim, share):
                    await _stop(work)
                    self._count(claim, "lost")
                    return
            await self._end(claim, work)
        except asyncio.CancelledError:
            await _stop(work)
            await self._queue.release(claim)
            raise

    async def tend(self) -> None:
        """Look after the queue once: the dead workers' jobs, the schedule, what is old, gauges."""
        await self._queue.recover(self._stale)
        for one in self._schedule:
            if await self._queue.turn(one.kind, one.every):
                await self._queue.put(one.kind, {}, priority="low")
        await self._queue.sweep(self._clock() - KEPT_FOR)
        depths = await self._queue.depths()
        for priority in PRIORITIES:
            metrics.JOBS_WAITING.labels(priority).set(depths.waiting[priority])
        metrics.JOBS_OLDEST.set(depths.oldest_s)
        metrics.JOBS_DEAD.set(depths.dead)

    async def _take(self) -> None:
        while True:
            try:
                free = self._concurrency - len(self._attempts)
                claims = await self._queue.claim(free) if free else []
            except Unavailable as error:
                log.warning("no jobs can be taken", reason=str(error))
                claims = []
            except Exception:  # a worker that silently takes nothing looks idle
                log.exception("no jobs can be taken")
                claims = []
            for claim in claims:
                task = asyncio.create_task(self._guarded(claim))
                self._attempts.add(task)
                task.add_done_callback(self._attempts.discard)
            if free == 0:
                await asyncio.wait(self._attempts, return_when=asyncio.FIRST_COMPLETED)
            elif not claims:
                await self._queue.wait(IDLE_S)

    async def _tend(self) -> None:
        while True:
            try:
                await self.tend()
            except Unavailable as error:
                log.warning("jobs are not looked after", reason=str(error))
            except Exception:  # a schedule that ends silently would be missed too late
                log.exception("jobs are not looked after")
            await asyncio.sleep(self._tend_s)

    async def _guarded(self, claim: Claim) -> None:
        try:
            await self.attempt(claim)
        except Unavailable as error:  # its end could not be written: it will be taken over
            log.warning("job left behind", kind=claim.kind, reason=str(error))
            self._count(claim, "lost")
        except Exception:
            log.exception("job left behind", kind=claim.kind)
            self._count(claim, "lost")

    async def _beat(self, claim: Claim, share: float) -> bool:
        try:
            return await self._queue.beat(claim, share)
        except Unavailable as error:  # it stays ours until somebody takes it over
            log.warning("job could not beat", kind=claim.kind, reason=str(error))
            return True

    async def _work(self, claim: Claim, progress: Progress) -> Receipt | None:
        handler = self._handlers.get(claim.kind)
        if handler is None:
            raise Invalid(f"nobody runs jobs of kind {claim.kind!r}")
        with spans.following("job", [claim.mark], kind=claim.kind, attempt=claim.attempt):
            return await handler(claim.arguments, progress)

    async def _end(self, claim: Claim, work: "asyncio.Future[Receipt | None]") -> None:
        error = work.exception()
        if error is None:
            self._count(claim, "done" if await self._queue.done(claim, work.result()) else "lost")
            return
        if isinstance(error, EchoTuneError):
            text = str(error)
        else:
            log.error("job failed", kind=claim.kind, job_id=claim.job_id, exc_info=error)
            text = "an unexpected error; the log has it"
        final = isinstance(error, FINAL) or claim.attempt >= ATTEMPTS
        retry_at = None if final else self._clock() + backoff(claim.attempt)
        owned = await self._queue.failed(claim, text, retry_at=retry_at)
        self._count(claim, ("failed" if final else "retried") if owned else "lost")

    def _count(self, claim: Claim, outcome: str) -> None:
        kind = claim.kind if claim.kind in self._handlers else "unknown"
        metrics.JOBS.labels(kind, outcome).inc()


async def _stop(work: "asyncio.Future[Receipt | None]") -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)  # a thread is waited for


def backoff(attempt: int) -> timedelta:
    """The wait after this attempt (1 is the first): 2 s, 4 s, ..."""
    return timedelta(seconds=BACKOFF_S * 2.0 ** (attempt - 1))
