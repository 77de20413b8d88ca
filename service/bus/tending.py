"""Looks after the stream: removes what nobody needs, and says how far behind everybody is."""

import asyncio
from collections import Counter

import structlog

from service import metrics
from service.bus.protocol import Stream
from service.errors import Unavailable

log = structlog.get_logger()

EVERY_S = 10.0


async def tend(stream: Stream) -> None:
    """Trim once, and set the gauges.

    Raises:
        BusUnavailable
    """
    await stream.trim()
    lags, dead = await stream.lags(), Counter(fact.group for fact in await stream.dead())
    for group, lag in lags.items():
        metrics.EVENTS_WAITING.labels(group).set(lag.waiting)
        metrics.EVENTS_OWNED.labels(group).set(lag.owned)
        metrics.EVENTS_OLDEST.labels(group).set(lag.oldest_s)
        metrics.EVENTS_DEAD.labels(group).set(dead[group])


class Tending:
    """Tends the stream now and again, in the processes that run jobs."""

    def __init__(self, stream: Stream, *, every_s: float = EVERY_S) -> None:
        self._stream, self._every_s = stream, every_s
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tend from now on."""
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            try:
                await tend(self._stream)
            except Unavailable as error:
                log.warning("the stream is not looked after", reason=str(error))
            except Exception:  # one that ends silently would let the stream grow
                log.exception("the stream is not looked after")
            await asyncio.sleep(self._every_s)
