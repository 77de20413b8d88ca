"""Who runs what, how often, and what happens when it fails; over the memory queue."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from prometheus_client import REGISTRY

from service.errors import JobsUnavailable, ModelNotReady, StoreUnavailable, UnknownUser
from service.jobs import Claim, Job
from service.jobs.memory import MemoryJobs
from service.jobs.protocol import KEPT
from service.jobs.runner import Runner, Scheduled, backoff

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Bench:
    """A queue on a clock that is moved by hand, and a runner whose handlers are given."""

    def __init__(self, schedule=(), **handlers) -> None:
        self.now = NOON
        self.jobs = MemoryJobs(lambda: self.now)
        self.runner = Runner(
            self.jobs, handlers, schedule=schedule, beat_s=0.001, clock=lambda: self.now
        )

    async def run_due(self) -> int:
        """Run what is due, to its end; how many attempts that were."""
        claims = await self.jobs.claim(100)
        for claim in claims:
            await self.runner.attempt(claim)
        return len(claims)

    async def ended(self, job: Job) -> Job:
        while (now := await self.jobs.get(job.job_id)).status in ("queued", "running"):  # noqa: ASYNC110 - jobs are polled
            await asyncio.sleep(0.001)
        return now


def counted(kind: str, outcome: str) -> float:
    labels = {"kind": kind, "outcome": outcome}
    return REGISTRY.get_sample_value("echotune_jobs_total", labels) or 0.0


async def test_a_job_fails_three_times_two_and_four_seconds_apart_and_is_dead() -> None:
    attempts = []

    async def down(arguments, progress) -> None:
        attempts.append(bench.now)
        raise StoreUnavailable("the store did not answer")

    bench = Bench(down=down)
    before = [counted("down", outcome) for outcome in ("retried", "failed")]
    job = await bench.jobs.put("down", {})
    for _ in range(20):
        await bench.run_due()
        bench.now += timedelta(seconds=1)

    assert [0, 2, 6] == [(at - NOON).total_seconds() for at in attempts]
    assert ("failed", "the store did not answer") == (
        (ended := await bench.jobs.get(job.job_id)).status,
        ended.error,
    )
    assert [job.job_id] == [letter.job_id for letter in await bench.jobs.dead()]
    after = [counted("down", outcome) for outcome in ("retried", "failed")]
    assert [2, 1] == [new - old for new, old in zip(after, before, strict=True)]


def test_the_wait_doubles() -> None:
    assert [2, 4, 8] == [backoff(attempt).total_seconds() for attempt in (1, 2, 3)]


@pytest.mark.parametrize("error", [ModelNotReady("too few listens"), UnknownUser("nobody")])
async def test_what_would_fail_again_is_not_tried_again(error) -> None:
    async def fail(arguments, progress) -> None:
        raise error

    bench = Bench(fail=fail)
    job = await bench.jobs.put("fail", {})

    await bench.run_due()

    assert ("failed", str(error)) == (
        (ended := await bench.jobs.get(job.job_id)).status,
        ended.error,
    )


async def test_an_unexpected_error_is_hidden_and_logged() -> None:
    async def broken(arguments, progress) -> None:
        raise RuntimeError("password is hunter2")

    bench = Bench(broken=broken)
    job = await bench.jobs.put("broken", {})
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await bench.run_due()
            bench.now += timedelta(minutes=1)

    assert "an unexpected error; the log has it" == (await bench.jobs.get(job.job_id)).error
    assert [("job failed", job.job_id)] * 3 == [(log["event"], log["job_id"]) for log in logs]


async def test_a_kind_nobody_runs_is_a_dead_letter_and_no_label_of_its_own() -> None:
    bench, before = Bench(), counted("unknown", "failed")
    await bench.jobs.put("mine-bitcoin", {})

    await bench.run_due()

    assert ["nobody runs jobs of kind 'mine-bitcoin'"] == [
        letter.error for letter in await bench.jobs.dead()
    ]
    assert 1 == counted("unknown", "failed") - before


async def test_five_run_at_a_time_and_progress_is_seen_while_they_do() -> None:
    running, most, gate = 0, 0, asyncio.Event()

    async def wait(arguments, progress) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        progress(0.33333)
        await gate.wait()
        running -= 1

    bench = Bench(wait=wait)
    jobs = [await bench.jobs.put("wait", {"n": str(number)}) for number in range(12)]
    bench.runner.start()
    while (await bench.jobs.get(jobs[4].job_id)).progress != 0.333:  # noqa: ASYNC110 - jobs are polled
        await asyncio.sleep(0.001)
    assert ["running"] * 5 + ["queued"] * 7 == [
        (await bench.jobs.get(job.job_id)).status for job in jobs
    ]
    gate.set()

    assert {"done"} == {(await bench.ended(job)).status for job in jobs}
    assert 5 == most
    await bench.runner.close()


async def test_a_cancelled_job_is_stopped_and_the_next_one_runs() -> None:
    started, let_go = asyncio.Event(), []

    async def wait(arguments, progress) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.append(True)

    async def quick(arguments, progress) -> None:
        progress(0.5)

    bench = Bench(wait=wait, quick=quick)
    bench.runner.start()
    job = await bench.jobs.put("wait", {})
    await started.wait()

    await bench.jobs.cancel(job.job_id)
    while not let_go:  # noqa: ASYNC110 - polled
        await asyncio.sleep(0.001)

    assert "cancelled" == (await bench.jobs.get(job.job_id)).status
    assert "done" == (await bench.ended(await bench.jobs.put("quick", {}))).status
    await bench.runner.close()


async def test_closing_puts_back_what_runs_and_waits_for_it_to_let_go() -> None:
    started, let_go = asyncio.Event(), []

    async def wait(arguments, progress) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.append(True)

    bench = Bench(wait=wait)
    bench.runner.start()
    job = await bench.jobs.put("wait", {})
    await started.wait()
    await bench.runner.close()

    assert [True] == let_go
    assert "queued" == (await bench.jobs.get(job.job_id)).status
    assert 1 == (await bench.jobs.claim(1))[0].attempt


async def test_closing_with_nothing_running_is_nothing() -> None:
    await Bench().runner.close()


class FlakyJobs(MemoryJobs):
    """A queue whose steps fail, each once, as it is told."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    async def claim(self, limit: int) -> list[Claim]:
        if self.errors:
            raise self.errors.pop()
        return await super().claim(limit)

    async def beat(self, claim: Claim, progress: float) -> bool:
        if progress == 0.0:
            raise JobsUnavailable("no answer")
        return await super().beat(claim, progress)

    async def wait(self, limit_s: float) -> None:
        await asyncio.sleep(0)


async def test_a_queue_that_fails_is_asked_again_and_a_lost_beat_stops_nothing() -> None:
    async def slow(arguments, progress) -> None:
        await asyncio.sleep(0.01)

    jobs = FlakyJobs(RuntimeError("bug"), JobsUnavailable("no answer"))
    runner = Runner(jobs, {"slow": slow}, beat_s=0.001)
    job = await jobs.put("slow", {})
    with structlog.testing.capture_logs() as logs:
        runner.start()
        while (await jobs.get(job.job_id)).status != "done":  # noqa: ASYNC110 - jobs are polled
            await asyncio.sleep(0.001)
        await runner.close()

    events = [log["event"] for log in logs]
    assert 2 == events.count("no jobs can be taken")
    assert "job could not beat" in events


async def test_what_is_scheduled_comes_once_in_its_interval_and_gives_way_to_all_else() -> None:
    done = []

    async def note(arguments, progress) -> None:
        done.append(bench.now - NOON)

    bench = Bench(schedule=[Scheduled("note", timedelta(hours=1))], note=note)
    for _ in range(15):
        await bench.runner.tend()
        await bench.run_due()
        bench.now += timedelta(minutes=10)
    assert [timedelta(hours=1), timedelta(hours=2)] == done

    bench.now += timedelta(hours=1)
    await bench.runner.tend()
    await bench.jobs.put("urgent", {}, priority="normal")
    assert ["urgent", "note"] == [claim.kind for claim in await bench.jobs.claim(2)]


async def test_gauges_show_what_waits_and_what_is_dead() -> None:
    bench = Bench()
    await bench.jobs.put("nothing", {})
    await bench.run_due()
    for priority in ("high", "low", "low"):
        await bench.jobs.put("x", {"of": priority}, priority=priority)
    bench.now += timedelta(seconds=7)

    await bench.runner.tend()

    def gauge(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"echotune_jobs_{name}", labels)

    waiting = [gauge("waiting", priority=priority) for priority in ("high", "normal", "low")]
    assert ([1, 0, 1], 7, 1) == (
        waiting,
        gauge("oldest_waiting_seconds"),
        gauge("dead_letters"),
    )


async def test_only_the_newest_ended_jobs_are_remembered() -> None:
    async def quick(arguments, progress) -> None:
        progress(1.0)

    bench = Bench(quick=quick)
    first = await bench.jobs.put("quick", {"n": "first"})
    await bench.run_due()
    for number in range(KEPT):
        await bench.jobs.put("quick", {"n": str(number)})
        await bench.run_due()

    assert KEPT == len(bench.jobs._entries)
    assert first.job_id not in bench.jobs._entries
