"""`echotune serve --role worker`: the real process, over a real Valkey."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import anyio

from service.jobs.queues import QueuesJobs


async def test_a_worker_runs_jobs_and_ends_when_it_is_asked_to(
    data: Path, own_valkey_url: str
) -> None:
    url = own_valkey_url
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
            with anyio.fail_after(300):  # it compiles every kernel first
                while (await jobs.get(job.job_id)).status != "done":
                    assert worker.poll() is None
                    await anyio.sleep(0.05)
        finally:
            worker.terminate()
            try:
                code = worker.wait(60)
            finally:
                worker.kill()  # or a worker that does not end would keep everybody waiting

        assert 0 == code
    await jobs.close()
