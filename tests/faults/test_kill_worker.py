"""A worker killed in the middle of a job: another takes it over, and the job counts once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from service.jobs.queues import QueuesJobs
from tests.faults import job_worker

STALE_S = 0.6
NEVER_S = 1e6
Spawn = Callable[[float], subprocess.Popen[bytes]]


class Ward:
    """One queue, its workers, and what they wrote down."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.prefix, self.log = url, f"test-{uuid4().hex}", folder / "log"
        self.jobs = QueuesJobs(url, prefix=self.prefix)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.log.touch()

    def spawn(self, stale_s: float) -> subprocess.Popen[bytes]:
        words = (self.url, self.prefix, str(stale_s), str(self.log))
        worker = subprocess.Popen([sys.executable, job_worker.__file__, *words], cwd=Path.cwd())
        self.workers.append(worker)
        return worker

    def noted(self, word: str) -> list[int]:
        """The pids of those who wrote it down."""
        lines = (line.split() for line in self.log.read_text().splitlines())
        return [int(pid) for noted, pid in lines if noted == word]

    async def until(self, word: str, *, times: int = 1) -> None:
        with anyio.fail_after(60):
            while len(self.noted(word)) < times:  # noqa: ASYNC110 - files are polled
                await anyio.sleep(0.01)

    async def kill_one_in_the_middle(self, stale_s: float) -> str:
        """Two workers, one job; the one that has it dies. The id of the job."""
        first = self.spawn(stale_s)
        job = await self.jobs.put("slow", {})
        await self.until("started")
        self.spawn(stale_s)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert [] == self.noted("ended"), "it was killed too late"
        return job.job_id


@pytest.fixture
def ward(valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    opened = Ward(valkey_url, tmp_path)
    yield opened
    for worker in opened.workers:
        if worker.poll() is None:
            worker.terminate()
            worker.wait(30)


async def test_the_job_of_a_killed_worker_is_taken_over_and_counts_once(ward: Ward) -> None:
    job_id = await ward.kill_one_in_the_middle(STALE_S)
    with anyio.fail_after(60):
        while (job := await ward.jobs.get(job_id)).status != "done":  # noqa: ASYNC110 - jobs are polled
            await anyio.sleep(0.02)

    await ward.jobs.put("marker", {})  # whatever else was to come would have come before it
    await ward.until("marker")
    first, heir = ward.noted("started")
    assert first != heir
    assert [heir] == ward.noted("ended")
    assert 1.0 == job.progress
    assert [] == await ward.jobs.dead()
    await ward.jobs.close()


async def test_control_without_takeover_the_job_is_lost(ward: Ward) -> None:
    job_id = await ward.kill_one_in_the_middle(NEVER_S)
    await anyio.sleep(3 * STALE_S + job_worker.SLOW_S)
    await ward.jobs.put("marker", {})
    await ward.until("marker")

    assert "running" == (await ward.jobs.get(job_id)).status
    assert (1, []) == (len(ward.noted("started")), ward.noted("ended"))
    await ward.jobs.close()


async def test_a_worker_that_is_asked_to_end_puts_its_job_back_at_once(ward: Ward) -> None:
    first = ward.spawn(NEVER_S)
    job = await ward.jobs.put("slow", {})
    await ward.until("started")
    first.terminate()
    first.wait(30)
    assert "queued" == (await ward.jobs.get(job.job_id)).status

    ward.spawn(NEVER_S)
    await ward.until("ended")
    await ward.jobs.close()
