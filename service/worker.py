"""A process that answers no request: `echotune serve --role worker` or `--role learner`."""

import asyncio
import signal

import structlog

from service.bootstrap import open_house
from service.exposition import exposed
from service.settings import Settings
from service.spans import traced

log = structlog.get_logger()


async def work(settings: Settings) -> None:
    """Do what the role says until SIGTERM or Ctrl-C.

    Jobs that run then go back into the queue, and what was learned is saved.
    """
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    learns = settings.role == "learner"
    with traced(on=settings.tracing == "on"):
        async with open_house(settings, watch=True, work=not learns, lead=learns):
            with exposed(settings):
                log.info("learner learns" if learns else "worker takes jobs")
                await ended.wait()
