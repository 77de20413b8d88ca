"""What a job queue promises about attempts that fail, dead letters and workers that die."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from service.errors import UnknownJob
from service.jobs import JobQueue
from service.jobs.protocol import ATTEMPTS
from tests.contracts.test_jobs import AT_ONCE, claimed, jobs, killed, now

__all__ = ["jobs"]


async def test_a_retry_waits_for_its_time_and_is_the_next_attempt(jobs: JobQueue) -> None:
    job = await jobs.put("fit", {})
    await jobs.failed(await claimed(jobs), "first", retry_at=now())
    await asyncio.sleep(0.005)
    again = await claimed(jobs)
    await jobs.failed(again, "second", retry_at=now() + timedelta(hours=1))

    assert 2 == again.attempt
    assert [] == await jobs.claim(1)
    assert ("queued", "") == ((last := await jobs.get(job.job_id)).status, last.error)
    assert [] == await jobs.dead()


async def test_a_dead_letter_says_what_it_was_and_why(jobs: JobQueue) -> None:
    job_id = await killed(jobs)

    (letter,) = await jobs.dead()
    assert (job_id, "fit", {"a": "ß\0"}) == (letter.job_id, letter.kind, letter.arguments)
    assert ("no use", 1) == (letter.error, letter.attempts)
    assert abs(now() - letter.failed_at) < timedelta(hours=1)
    assert ("failed", "no use") == ((job := await jobs.get(job_id)).status, job.error)


async def test_a_replayed_letter_is_a_new_job_as_urgent_as_before(jobs: JobQueue) -> None:
    job_id = await killed(jobs)
    await jobs.put("other", {})

    job = await jobs.replay(job_id)

    assert ("queued", True) == (job.status, job.job_id != job_id)
    assert [] == await jobs.dead()
    claim = await claimed(jobs)
    assert ("fit", {"a": "ß\0"}, 1) == (claim.kind, claim.arguments, claim.attempt)
    with pytest.raises(UnknownJob, match=job_id):
        await jobs.replay(job_id)


async def test_only_a_dead_letter_can_be_replayed(jobs: JobQueue) -> None:
    job = await jobs.put("fit", {})
    for wrong in ("0", "", "x" * 5_000, "\0", uuid4().hex, str(uuid4()), job.job_id):
        with pytest.raises(UnknownJob):
            await jobs.replay(wrong)


async def test_a_released_job_is_taken_again_and_no_attempt_is_used_up(jobs: JobQueue) -> None:
    await jobs.put("fit", {})
    for _ in range(ATTEMPTS + 1):
        claim = await claimed(jobs)
        assert 1 == claim.attempt
        assert await jobs.release(claim)
        assert not await jobs.done(claim)
    assert 1 == (await claimed(jobs)).attempt


async def test_a_silent_worker_loses_its_job_and_what_it_says_later_does_not_count(
    jobs: JobQueue,
) -> None:
    job = await jobs.put("fit", {}, priority="high")
    silent = await claimed(jobs)
    await asyncio.sleep(0.005)
    await jobs.recover(timedelta(hours=1))
    assert await jobs.beat(silent, 0.1), "an hour has not passed"

    await asyncio.sleep(0.005)
    await jobs.recover(AT_ONCE)
    await jobs.put("low", {}, priority="normal")
    heir = await claimed(jobs)

    assert (job.job_id, 2) == (heir.job_id, heir.attempt)
    assert not await jobs.beat(silent, 0.9)
    assert not await jobs.done(silent)
    assert not await jobs.failed(silent, "late", retry_at=None)
    assert not await jobs.release(silent)
    assert "running" == (await jobs.get(job.job_id)).status
    assert await jobs.done(heir)


async def test_a_job_that_kills_every_worker_becomes_a_dead_letter(jobs: JobQueue) -> None:
    job = await jobs.put("fit", {})
    for attempt in range(1, ATTEMPTS + 1):
        assert attempt == (await claimed(jobs)).attempt
        await asyncio.sleep(0.005)
        await jobs.recover(AT_ONCE)

    assert [] == await jobs.claim(1)
    assert "failed" == (await jobs.get(job.job_id)).status
    assert [(job.job_id, ATTEMPTS)] == [(one.job_id, one.attempts) for one in await jobs.dead()]


async def test_a_last_attempt_that_succeeds_leaves_no_dead_letter(jobs: JobQueue) -> None:
    await jobs.put("fit", {})
    for _ in range(ATTEMPTS - 1):
        await jobs.failed(await claimed(jobs), "x", retry_at=now())
        await asyncio.sleep(0.005)
    await jobs.done(await claimed(jobs))

    assert [] == await jobs.dead()
    assert 0 == (await jobs.depths()).dead
