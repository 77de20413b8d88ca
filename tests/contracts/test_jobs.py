"""What a job queue promises; every adapter runs this suite."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from service.errors import JobsUnavailable, UnknownJob
from service.jobs import Claim, JobQueue
from service.jobs.memory import MemoryJobs
from service.jobs.queues import QueuesJobs
from tests import servers

AT_ONCE = timedelta()


@pytest.fixture(params=["memory", "redis"])
async def jobs(request: pytest.FixtureRequest) -> AsyncIterator[JobQueue]:
    if request.param == "memory":
        yield MemoryJobs()
        return
    url, prefix = request.getfixturevalue("valkey_url"), f"test-{uuid4().hex}"
    opened = QueuesJobs(url, prefix=prefix)
    yield opened
    await opened.close()
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter(f"{prefix}:*"):
            await redis.delete(key)


async def claimed(jobs: JobQueue) -> Claim:
    (claim,) = await jobs.claim(1)
    return claim


async def kinds(jobs: JobQueue, limit: int = 10) -> list[str]:
    return [claim.kind for claim in await jobs.claim(limit)]


def now() -> datetime:
    return datetime.now(UTC)


async def killed(jobs: JobQueue, kind: str = "fit") -> str:
    """The id of a job that became a dead letter."""
    job = await jobs.put(kind, {"a": "ß\0"}, priority="high")
    assert await jobs.failed(await claimed(jobs), "no use", retry_at=None)
    return job.job_id


async def test_a_job_is_queued_then_runs_and_is_done(jobs: JobQueue) -> None:
    job = await jobs.put("fit", {"user_id": "u1", "text": '"; DROP ☃\n'})
    assert ("queued", 0.0, "") == (job.status, job.progress, job.error)
    assert job == await jobs.get(job.job_id)

    claim = await claimed(jobs)
    assert ("fit", {"user_id": "u1", "text": '"; DROP ☃\n'}) == (claim.kind, claim.arguments)
    assert (job.job_id, 1) == (claim.job_id, claim.attempt)
    assert "running" == (await jobs.get(job.job_id)).status
    assert await jobs.beat(claim, 0.25)
    assert ("running", 0.25) == (
        (await jobs.get(job.job_id)).status,
        (await jobs.get(job.job_id)).progress,
    )
    assert await jobs.done(claim)
    assert ("done", 1.0, "") == (
        (ended := await jobs.get(job.job_id)).status,
        ended.progress,
        ended.error,
    )
    assert [] == await jobs.claim(5)


async def test_high_goes_before_normal_before_low_whatever_came_first(jobs: JobQueue) -> None:
    for number in range(3):
        for priority in ("low", "normal", "high"):
            await jobs.put(f"{priority}{number}", {}, priority=priority)
            await asyncio.sleep(0.002)  # places are kept in milliseconds

    expected = [f"{priority}{number}" for priority in ("high", "normal", "low") for number in "012"]
    assert expected == await kinds(jobs, 4) + await kinds(jobs, 10)


@pytest.mark.parametrize("state", ["queued", "running", "waiting for a retry"])
async def test_the_same_job_is_there_once_until_it_ends(jobs: JobQueue, state: str) -> None:
    first = await jobs.put("fit", {"a": "1", "b": "2"})
    if state != "queued":
        claim = await claimed(jobs)
    if state == "waiting for a retry":
        assert await jobs.failed(claim, "x", retry_at=now() + timedelta(hours=1))

    assert first.job_id == (await jobs.put("fit", {"b": "2", "a": "1"})).job_id
    assert first.job_id != (await jobs.put("fit", {"a": "1"})).job_id
    assert first.job_id != (await jobs.put("fit2", {"a": "1", "b": "2"})).job_id


async def test_many_who_ask_at_once_get_one_job(jobs: JobQueue) -> None:
    asked = await asyncio.gather(*(jobs.put("fit", {}) for _ in range(20)))

    assert 1 == len({job.job_id for job in asked})
    assert 1 == len(await jobs.claim(20))


async def test_a_job_that_ended_may_be_put_again(jobs: JobQueue) -> None:
    first = await jobs.put("fit", {})
    await jobs.done(await claimed(jobs))

    assert first.job_id != (await jobs.put("fit", {})).job_id
    assert ["fit"] == await kinds(jobs)


async def test_two_workers_never_claim_the_same_job(jobs: JobQueue) -> None:
    for number in range(30):
        await jobs.put("fit", {"n": str(number)})

    batches = await asyncio.gather(*(jobs.claim(7) for _ in range(6)))

    ids = [claim.job_id for batch in batches for claim in batch]
    assert (30, 30) == (len(ids), len(set(ids)))


async def test_a_job_nobody_knows(jobs: JobQueue) -> None:
    await jobs.put("fit", {})
    for wrong in ("0", "", "x" * 5_000, "\0", "*", uuid4().hex, str(uuid4())):
        for ask in (jobs.get, jobs.cancel):
            with pytest.raises(UnknownJob):
                await ask(wrong)


async def test_a_cancelled_job_never_starts(jobs: JobQueue) -> None:
    job = await jobs.put("fit", {})

    assert "cancelled" == (await jobs.cancel(job.job_id)).status
    assert [] == await jobs.claim(1)
    assert "cancelled" == (await jobs.cancel(job.job_id)).status


async def test_a_running_job_that_is_cancelled_loses_its_worker_at_the_next_beat(
    jobs: JobQueue,
) -> None:
    job = await jobs.put("fit", {})
    claim = await claimed(jobs)
    await jobs.cancel(job.job_id)

    assert not await jobs.beat(claim, 0.5)
    assert not await jobs.done(claim)
    assert not await jobs.failed(claim, "x", retry_at=now())
    assert "cancelled" == (await jobs.get(job.job_id)).status
    assert job.job_id != (await jobs.put("fit", {})).job_id


async def test_cancelling_what_is_done_changes_nothing(jobs: JobQueue) -> None:
    job = await jobs.put("fit", {})
    await jobs.done(await claimed(jobs))

    assert "done" == (await jobs.cancel(job.job_id)).status


async def test_a_turn_comes_once_in_an_interval_for_all_who_ask(jobs: JobQueue) -> None:
    turns = [await jobs.turn("daily", timedelta(days=1)) for _ in range(5)]

    assert sum(turns) <= 1
    await jobs.turn("often", timedelta(milliseconds=5))
    await asyncio.sleep(0.02)
    assert await jobs.turn("often", timedelta(milliseconds=5))


async def test_depths_tell_what_waits_how_long_and_what_is_dead(jobs: JobQueue) -> None:
    empty = await jobs.depths()
    assert ({"high": 0, "normal": 0, "low": 0}, 0.0, 0) == (
        empty.waiting,
        empty.oldest_s,
        empty.dead,
    )
    await killed(jobs)
    await jobs.put("running", {}, priority="low")
    await claimed(jobs)
    await jobs.put("a", {}, priority="low")
    await asyncio.sleep(0.05)
    for number in range(2):
        await jobs.put("b", {"n": str(number)}, priority="high")

    depths = await jobs.depths()

    assert ({"high": 2, "normal": 0, "low": 1}, 1) == (depths.waiting, depths.dead)
    assert 0.05 <= depths.oldest_s < 3600


async def test_the_newest_jobs_are_listed_newest_first(jobs: JobQueue) -> None:
    ids = []
    for number in range(3):
        ids.append((await jobs.put("fit", {"n": str(number)})).job_id)
        await asyncio.sleep(0.002)
    await jobs.cancel(ids[1])

    newest = await jobs.newest()

    assert ids[::-1] == [job.job_id for job in newest]
    assert ["queued", "cancelled", "queued"] == [job.status for job in newest]


async def test_what_ended_before_a_day_is_forgotten_and_what_goes_on_is_not(
    jobs: JobQueue,
) -> None:
    dead = await killed(jobs)
    waiting = await jobs.put("waiting", {})
    await jobs.sweep(now() - timedelta(days=1))
    assert [dead] == [one.job_id for one in await jobs.dead()]

    await jobs.sweep(now() + timedelta(days=1))

    assert [] == await jobs.dead()
    with pytest.raises(UnknownJob):
        await jobs.get(dead)
    assert "queued" == (await jobs.get(waiting.job_id)).status


async def test_waiting_ends_by_itself(jobs: JobQueue) -> None:
    await jobs.wait(0.01)


async def test_a_queue_that_is_not_there_is_said_to_be_unavailable() -> None:
    jobs = QueuesJobs(f"redis://127.0.0.1:{servers.free_port()}/0")
    asked = (
        *(jobs.put("fit", {}), jobs.get(uuid4().hex), jobs.newest(), jobs.claim(1), jobs.dead()),
        *(jobs.depths(), jobs.recover(AT_ONCE), jobs.sweep(now()), jobs.turn("x", AT_ONCE)),
    )
    for question in asked:
        with pytest.raises(JobsUnavailable, match="did not answer"):
            await question
    await jobs.close()


async def test_a_receipt_is_kept_and_who_it_is_about_is_not(jobs: JobQueue) -> None:
    job = await jobs.put("erase", {"user_id": "canary-u1"}, priority="high")
    assert None is job.receipt
    assert await jobs.done(await claimed(jobs), {"listens": 3})

    ended = await jobs.get(job.job_id)

    assert ("done", {"listens": 3}) == (ended.status, ended.receipt)
    again = await jobs.put("erase", {"user_id": "canary-u1"})
    assert again.job_id != job.job_id
    assert {"user_id": "canary-u1"} == (await claimed(jobs)).arguments


async def test_no_key_of_redis_names_whom_a_receipt_is_about(valkey_url: str) -> None:
    prefix = f"test-{uuid4().hex}"
    opened = QueuesJobs(valkey_url, prefix=prefix)
    await opened.put("erase", {"user_id": "canary-u1"})
    before = await dumped(valkey_url, prefix)
    await opened.done(await claimed(opened), {"listens": 3})
    after = await dumped(valkey_url, prefix)
    await opened.close()

    assert "canary-u1" in before  # the control
    assert "canary-u1" not in after


async def dumped(url: str, prefix: str) -> str:
    """Every key below the prefix with what it holds."""
    reads = {
        "string": lambda redis, key: redis.get(key),
        "hash": lambda redis, key: redis.hgetall(key),
        "zset": lambda redis, key: redis.zrange(key, 0, -1),
        "set": lambda redis, key: redis.smembers(key),
        "list": lambda redis, key: redis.lrange(key, 0, -1),
        "stream": lambda redis, key: redis.xrange(key),
    }
    async with Redis.from_url(url, decode_responses=True) as redis:
        keys = [key async for key in redis.scan_iter(f"{prefix}:*")]
        return repr([(key, await reads[str(await redis.type(key))](redis, key)) for key in keys])
