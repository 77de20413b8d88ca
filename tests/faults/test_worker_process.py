"""`echotune serve --role worker`: the real process, over a real Valkey."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import anyio
from redis.asyncio import Redis

from service.jobs.queues import QueuesJobs
from tests.service.api.test_jobs import elsewhere


async def test_a_worker_runs_jobs_and_ends_when_it_is_asked_to(data: Path, valkey_url: str) -> None:
    url = elsewhere(valkey_url)
    env = {
        **os.environ,
        "ECHOTUNE_DATA_DIR": str(data),
        "ECHOTUNE_EVENTS_REDIS_URL": url,
        "NUMBA_CACHE_DIR": "",
    }
    jobs = QueuesJobs(url)
    job = await jobs.put("erase", {"user_id": uuid4().hex})
    words = (sys.executable, "-m", "service", "serve", "--role", "worker")
    with subprocess.Popen(words, env=env) as worker:  # noqa: ASYNC220 - it only starts it
        try:
            with anyio.fail_after(120):
                while (await jobs.get(job.job_id)).status != "done":
                    assert worker.poll() is None
                    await anyio.sleep(0.05)
        finally:
            worker.terminate()

        assert 0 == worker.wait(30)
    await jobs.close()
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter("echotune:jobs:*"):
            await redis.delete(key)
