"""Jobs: one of a kind at a time, polled by id, cancelled on close."""

import asyncio

import pytest
import structlog

from service import jobs as jobs_module
from service.errors import AlreadyRunning, ModelNotReady, UnknownJob
from service.jobs import Job, Jobs, Progress


async def quick(progress: Progress) -> None:
    progress(0.5)


async def ended(jobs: Jobs, job: Job) -> Job:
    while jobs.get(job.job_id).status in ("queued", "running"):  # noqa: ASYNC110 - jobs are polled
        await asyncio.sleep(0)
    return jobs.get(job.job_id)


async def test_a_job_is_queued_then_runs_and_is_done() -> None:
    jobs, gate, reported = Jobs(), asyncio.Event(), asyncio.Event()

    async def work(progress: Progress) -> None:
        progress(0.33333)
        reported.set()
        await gate.wait()

    job = jobs.start("fit", work)
    assert ("queued", 0.0) == (job.status, job.progress)
    await reported.wait()
    assert ("running", 0.333) == (job.status, job.progress)
    gate.set()

    done = await ended(jobs, job)
    assert ("done", 1.0, "") == (done.status, done.progress, done.error)


async def test_one_of_a_kind_runs_at_a_time_and_the_next_may_start_after_it() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def work(progress: Progress) -> None:
        await gate.wait()

    first = jobs.start("fit", work)
    with pytest.raises(AlreadyRunning, match="a fit job is already running"):
        jobs.start("fit", work)
    other = jobs.start("erasure of u1", quick)
    assert "done" == (await ended(jobs, other)).status

    gate.set()
    await ended(jobs, first)
    assert "done" == (await ended(jobs, jobs.start("fit", quick))).status


async def test_an_error_of_ours_is_told_and_any_other_is_hidden_and_logged() -> None:
    jobs = Jobs()

    async def unready(progress: Progress) -> None:
        raise ModelNotReady("too little to learn from")

    async def broken(progress: Progress) -> None:
        raise RuntimeError("password is hunter2")

    told = await ended(jobs, jobs.start("fit", unready))
    with structlog.testing.capture_logs() as logs:
        hidden = await ended(jobs, jobs.start("fit", broken))

    assert ("failed", "too little to learn from") == (told.status, told.error)
    assert ("failed", "an unexpected error; the log has it") == (hidden.status, hidden.error)
    assert [("job failed", hidden.job_id)] == [(log["event"], log["job_id"]) for log in logs]


async def test_a_failed_job_does_not_block_its_kind() -> None:
    jobs = Jobs()

    async def unready(progress: Progress) -> None:
        raise ModelNotReady("no")

    await ended(jobs, jobs.start("fit", unready))

    assert "done" == (await ended(jobs, jobs.start("fit", quick))).status


async def test_closing_cancels_what_runs_and_waits_for_it_to_let_go() -> None:
    jobs, started, let_go = Jobs(), asyncio.Event(), []

    async def work(progress: Progress) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.append(True)

    job = jobs.start("fit", work)
    await started.wait()
    await jobs.close()

    assert [True] == let_go
    assert "cancelled" == jobs.get(job.job_id).status


async def test_closing_with_nothing_running_is_nothing() -> None:
    await Jobs().close()


async def test_only_the_newest_jobs_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "KEPT", 3)
    jobs = Jobs()

    ids = [(await ended(jobs, jobs.start("fit", quick))).job_id for _ in range(5)]

    assert ids[2:] == [jobs.get(job_id).job_id for job_id in ids[2:]]
    for job_id in ids[:2]:
        with pytest.raises(UnknownJob, match=job_id):
            jobs.get(job_id)
