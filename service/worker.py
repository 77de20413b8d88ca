"""A process that runs jobs and answers no request: `echotune serve --role worker`."""

import asyncio
import signal

import structlog

from service import metrics
from service.bootstrap import open_house
from service.settings import Settings

log = structlog.get_logger()


async def work(settings: Settings) -> None:
    """Run jobs until SIGTERM or Ctrl-C; what runs then goes back into the queue."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    async with open_house(settings, watch=True, work=True):
        with metrics.served_apart(settings):
            log.info("worker takes jobs")
            await ended.wait()
