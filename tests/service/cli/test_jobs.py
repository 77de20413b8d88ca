"""echotune jobs: the shared queue from a terminal."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from service.cli import echotune
from service.errors import Invalid, UnknownJob
from service.jobs.queues import QueuesJobs


@pytest.fixture
def url(own_valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ECHOTUNE_EVENTS_REDIS_URL", own_valkey_url)
    return own_valkey_url


def told(*words: str) -> list[dict]:
    ran = CliRunner().invoke(echotune, ["jobs", *words], catch_exceptions=False)
    return [json.loads(line) for line in ran.output.splitlines()]


async def one_waits_and_one_is_dead(url: str) -> list[str]:
    jobs = QueuesJobs(url)
    ids = [(await jobs.put("train", {})).job_id]
    (claim,) = await jobs.claim(1)
    await jobs.failed(claim, "no use", retry_at=None)
    ids.append((await jobs.put("precompute", {})).job_id)
    await jobs.close()
    return ids


def test_jobs_are_listed_cancelled_and_run_again(url: str) -> None:
    dead, waiting = asyncio.run(one_waits_and_one_is_dead(url))

    assert {dead: "failed", waiting: "queued"} == {
        job["job_id"]: job["status"] for job in told("list")
    }
    assert [(dead, "no use")] == [(one["job_id"], one["error"]) for one in told("dead")]
    assert ["cancelled"] == [job["status"] for job in told("cancel", waiting)]
    assert ["queued"] == [job["status"] for job in told("replay", dead)]
    assert [] == told("dead")
    with pytest.raises(UnknownJob, match="there is no dead letter"):
        told("replay", dead)


def test_without_a_shared_queue_it_says_where_the_jobs_are() -> None:
    ran = CliRunner().invoke(echotune, ["jobs", "list"])

    assert isinstance(ran.exception, Invalid)
    assert "GET /v1/jobs" in str(ran.exception)
