"""Jobs on Redis, by litestar-queues: every step is one of its fenced scripts.

Ours above it: an index of the newest jobs, and the dead letters, which it keeps but cannot list.
An id enters that index when the last attempt starts, before anything can go wrong in it, and a
letter is read only while its job has failed: no crash between two steps loses one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from litestar_queues.backends.base import attempts_consumed
from litestar_queues.backends.redis import RedisBackendConfig, RedisQueueBackend
from litestar_queues.config import QueueConfig
from litestar_queues.models import HeartbeatTouch, QueuedTaskRecord, TaskStatus
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service import spans
from service.errors import JobsUnavailable, UnknownJob
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

PREFIX = "echotune:jobs"
MARK = "traceparent"
LEVELS: dict[Priority, int] = {"high": 10, "normal": 0, "low": -10}
STRIDE = 1e13  # of the library's ready set: score = queued_at in ms - priority × this
STATUSES: dict[TaskStatus, Status] = {
    "pending": "queued",
    "scheduled": "queued",
    "running": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "cancelled",
}
ANSWER_LIMIT_S = 2.0
SWEPT_AT_ONCE = 1_000
POLL_S = 0.2
"""How long an idle worker sleeps: a subscription would save this and cost a connection to watch."""


class QueuesJobs:
    """The jobs of every process that names the same Redis."""

    def __init__(self, url: str, *, prefix: str = PREFIX) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=ANSWER_LIMIT_S,
            socket_connect_timeout=ANSWER_LIMIT_S,
            retry=Retry(NoBackoff(), 0),
        )
        backend = RedisBackendConfig(client=self._redis, key_prefix=prefix, worker_wakeups=False)
        config = QueueConfig(queue_backend=backend, stale_requeue_priority="preserve")
        self._backend = RedisQueueBackend(config, backend_config=backend)
        self._newest, self._dead = f"{prefix}:newest", f"{prefix}:dead"
        self._ready, self._task = f"{prefix}:ready", f"{prefix}:task:"
        self._keys = f"{prefix}:keys"  # what the library knows the same job by
        self._worker = uuid4().hex

    async def put(self, kind: str, arguments: Arguments, *, priority: Priority = "normal") -> Job:
        async with _translated():
            await self._backend.open()  # marks an empty Redis as ours: it may have been emptied
            record = await self._backend.enqueue(
                kind,
                kwargs=arguments,
                queue=priority,
                priority=LEVELS[priority],
                max_retries=ATTEMPTS - 1,
                key=identity(kind, arguments),
                metadata={MARK: mark} if (mark := spans.mark()) else None,
            )
            await self._redis.zadd(self._newest, {record.id.hex: record.created_at.timestamp()})
            await self._redis.zremrangebyrank(self._newest, 0, -KEPT - 1)
        return _job(record)

    async def get(self, job_id: str) -> Job:
        return _job(await self._record(job_id))

    async def newest(self) -> list[Job]:
        return [_job(record) for record in await self._listed(self._newest)]

    async def claim(self, limit: int) -> list[Claim]:
        claims = []
        async with _translated():
            for record in await self._backend.claim_many(limit=limit):
                if _attempt(record) >= ATTEMPTS:
                    await self._mark(record)
                owned = await self._backend.assign_worker(
                    record.id, worker_id=self._worker, expected_retry_count=record.retry_count
                )
                if owned is not None:
                    claims.append(
                        Claim(
                            record.id.hex,
                            record.task_name,
                            record.kwargs,
                            _attempt(record),
                            record.retry_count,
                            str(record.metadata.get(MARK, "")),
                        )
                    )
        return claims

    async def beat(self, claim: Claim, progress: float) -> bool:
        touch = HeartbeatTouch(UUID(claim.job_id), claim.generation, {"progress": progress})
        async with _translated():
            return bool((await self._backend.touch_heartbeats([touch])).touched_task_ids)

    async def done(self, claim: Claim, receipt: Receipt | None = None) -> bool:
        async with _translated():
            ended = await self._backend.complete_task(
                UUID(claim.job_id), result=receipt, expected_retry_count=claim.generation
            )
            if ended is not None and receipt is not None:
                forgotten: Any = {"kwargs": "{}", "key": ""}
                await self._redis.hset(f"{self._task}{UUID(claim.job_id)}", mapping=forgotten)
                await self._redis.hdel(self._keys, identity(claim.kind, claim.arguments))
        return ended is not None

    async def failed(self, claim: Claim, error: str, *, retry_at: datetime | None) -> bool:
        async with _translated():
            if retry_at is None:
                await self._mark(await self._record(claim.job_id))
            ended = await self._backend.fail_task(
                UUID(claim.job_id),
                error,
                retry=retry_at is not None,
                expected_retry_count=claim.generation,
                retry_at=retry_at,
            )
        return ended is not None

    async def release(self, claim: Claim) -> bool:
        async with _translated():
            released = await self._backend.interrupt_task(
                UUID(claim.job_id),
                expected_retry_count=claim.generation,
                worker_id=self._worker,
                queued_at=datetime.now(UTC),
            )
        return released is not None

    async def cancel(self, job_id: str) -> Job:
        record = await self._record(job_id)
        async with _translated():
            await self._backend.cancel_task(record.id, include_running=True)
        return await self.get(job_id)

    async def dead(self) -> list[DeadLetter]:
        return [
            DeadLetter(
                record.id.hex,
                record.task_name,
                record.kwargs,
                record.error or "",
                _attempt(record),
                record.completed_at or record.queued_at,
            )
            for record in await self._listed(self._dead)
            if record.status == "failed"
        ]

    async def replay(self, job_id: str) -> Job:
        async with _translated():
            known = await self._redis.zscore(self._dead, job_id) is not None
            record = await self._record(job_id) if known else None
            if record is None or record.status != "failed":
                raise UnknownJob(f"there is no dead letter {job_id!r}")
            job = await self.put(
                record.task_name, record.kwargs, priority=_priority(record.priority)
            )
            await self._redis.zrem(self._dead, job_id)
        return job

    async def recover(self, older_than: timedelta) -> None:
        async with _translated():
            await self._backend.requeue_stale_running(stale_after=older_than, limit=SWEPT_AT_ONCE)

    async def turn(self, name: str, every: timedelta) -> bool:
        """The first turn is at once: Redis remembers over restarts when the last one was."""
        async with _translated():
            return await self._backend.acquire_worker_lock(name, ttl=every)

    async def depths(self) -> Depths:
        now, waiting, oldest_s = datetime.now(UTC).timestamp(), dict.fromkeys(PRIORITIES, 0), 0.0
        async with _translated():
            for priority, level in LEVELS.items():
                counts = await self._backend.get_statistics(queue=priority)
                waiting[priority] = counts.pending + counts.scheduled
                low, high = -level * STRIDE, (1 - level) * STRIDE
                first: Any = await self._redis.zrange(
                    self._ready, low, high, byscore=True, offset=0, num=1, withscores=True
                )
                for _, score in first:
                    oldest_s = max(oldest_s, now - (score - low) / 1000)
            letters = [one for one in await self._listed(self._dead) if one.status == "failed"]
        return Depths(waiting, oldest_s, len(letters))

    async def sweep(self, before: datetime) -> None:
        async with _translated():
            while await self._backend.cleanup_terminal(before, limit=SWEPT_AT_ONCE):
                pass
            await self._redis.zremrangebyscore(self._dead, "-inf", before.timestamp())

    async def wait(self, limit_s: float) -> None:
        await asyncio.sleep(min(limit_s, POLL_S))

    async def close(self) -> None:
        await self._backend.close()
        await self._redis.aclose()

    async def _record(self, job_id: str) -> QueuedTaskRecord:
        record = None
        try:
            number = UUID(hex=job_id)
        except ValueError:
            number = None
        if number is not None and number.hex == job_id:
            async with _translated():
                record = await self._backend.get_task(number)
        if record is None:
            raise UnknownJob(f"there is no job {job_id!r}")
        return record

    async def _mark(self, record: QueuedTaskRecord) -> None:
        await self._redis.zadd(self._dead, {record.id.hex: datetime.now(UTC).timestamp()})
        await self._redis.zremrangebyrank(self._dead, 0, -KEPT - 1)

    async def _listed(self, index: str) -> list[QueuedTaskRecord]:
        async with _translated():
            ids = await self._redis.zrange(index, 0, LISTED - 1, desc=True)
            return await self._backend.get_tasks([UUID(hex=str(one)) for one in ids])


def _job(record: QueuedTaskRecord) -> Job:
    status = STATUSES[record.status]
    progress = 1.0 if status == "done" else float(record.metadata.get("progress", 0.0))
    error = (record.error or "") if status == "failed" else ""
    receipt = record.result if isinstance(record.result, dict) else None
    return Job(record.id.hex, status, 0.0 if status == "queued" else progress, error, receipt)


def _attempt(record: QueuedTaskRecord) -> int:
    return attempts_consumed(record) + 1


def _priority(level: int) -> Priority:
    return next(name for name, value in LEVELS.items() if value == level)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise JobsUnavailable(f"the job queue did not answer: {type(error).__name__}") from error
