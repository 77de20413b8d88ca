"""A worker process for the fault tests: python job_worker.py URL PREFIX STALE_S LOG."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from service.jobs import Arguments, Progress
from service.jobs.queues import QueuesJobs
from service.jobs.runner import Runner

SLOW_S = 1.5


async def main(url: str, prefix: str, stale_s: float, log: Path) -> None:
    def note(word: str) -> None:
        with log.open("a") as lines:
            lines.write(f"{word} {os.getpid()}\n")

    async def slow(arguments: Arguments, progress: Progress) -> None:
        progress(0.5)
        note("started")
        await asyncio.sleep(SLOW_S)
        note("ended")

    async def marker(arguments: Arguments, progress: Progress) -> None:
        note("marker")

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    queue = QueuesJobs(url, prefix=prefix)
    handlers = {"slow": slow, "marker": marker}
    runner = Runner(queue, handlers, beat_s=0.1, stale_s=stale_s, tend_s=0.1)
    runner.start()
    await stop.wait()
    await runner.close()
    await queue.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4])))
