"""A look that comes again and again beside the requests, until it is closed."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from service.errors import Unavailable

log = structlog.get_logger()


class Watch:
    """Looks, waits, looks. What fails ends one look and not the watch.

    A watch that ended silently would leave a revoked key or an experiment standing for ever.
    """

    def __init__(self, look: Callable[[], Awaitable[object]], what: str) -> None:
        self._look, self._what = look, what
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started."""
        return self._task is not None

    def start(self, every_s: float) -> None:
        """Look every so many seconds from now on, for the first time after as many."""
        self._task = asyncio.create_task(self._watch(every_s))

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._look()
            except Unavailable as error:
                log.warning("could not look", what=self._what, reason=str(error))
            except Exception:
                log.exception("could not look", what=self._what)
