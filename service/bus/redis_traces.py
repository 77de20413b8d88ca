"""The traces of every process that names the same Redis, in a stream of their own with a limit.

They travel once a second or by 500, whatever comes first, and one entry of the stream holds a whole
batch as a JSON array: an XADD for each would cost as much as the list it tells of. What Redis does
not take is lost and counted.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from itertools import islice
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from service import metrics
from service.bus.facts import Trace
from service.bus.redis_client import open_redis, translated
from service.errors import BusUnavailable

log = structlog.get_logger()

PREFIX = "echotune:bus"
EVERY_S = 1.0
BATCH = 500
MOST_PENDING = 10_000
MOST_BATCHES = 500
"""At most 250,000 traces, 40 MB of Redis."""
KEPT_S = 24 * 3600
"""Traces name users: whoever is erased is in none a day later."""
BODY = b"b"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Trace]).decode


class RedisTraces:
    """Passes traces on in the background."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = PREFIX,
        every_s: float = EVERY_S,
        most_batches: int = MOST_BATCHES,
    ) -> None:
        self._redis: Redis = open_redis(url)
        self._stream, self._every_s, self._most = f"{prefix}:traces", every_s, most_batches
        self._pending: deque[Trace] = deque(maxlen=MOST_PENDING)
        self._enough = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._closing = False

    def tell(self, *traces: Trace) -> None:
        pending = self._pending
        if (lost := len(pending) + len(traces) - MOST_PENDING) > 0:
            metrics.TRACES_LOST.inc(lost)
        pending.extend(traces)
        if len(pending) >= BATCH:
            self._enough.set()
        if self._sending is None:
            # A context of its own: the sending outlives the request that began it.
            self._sending = asyncio.create_task(self._send_all(), context=Context())

    async def newest(self, *, limit: int = 100) -> list[Trace]:
        async with translated():
            found: Any = await self._redis.xrevrange(self._stream, count=limit)
        traces = (trace for _, fields in found for trace in _read(fields.get(BODY, b"")))
        return list(islice(traces, limit))

    async def close(self) -> None:
        self._closing = True
        self._enough.set()
        if self._sending is not None:
            await self._sending
        await self._redis.aclose()

    async def _send_all(self) -> None:
        while self._pending:
            try:
                async with asyncio.timeout(self._every_s):
                    await self._enough.wait()
            except TimeoutError:
                pass
            batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
            if len(self._pending) < BATCH and not self._closing:
                self._enough.clear()
            await self._send(batch)
        self._sending = None

    async def _send(self, batch: Sequence[Trace]) -> None:
        try:
            async with translated(), self._redis.pipeline(transaction=False) as pipeline:
                pipeline.xadd(self._stream, {BODY: _encode(batch)}, maxlen=self._most)
                oldest = int((time.time() - KEPT_S) * 1000)
                pipeline.xtrim(self._stream, minid=oldest, approximate=False)
                pipeline.expire(self._stream, KEPT_S)
                await pipeline.execute()
        except BusUnavailable as error:
            metrics.TRACES_LOST.inc(len(batch))
            log.warning("traces are lost", count=len(batch), reason=str(error))


def _read(body: bytes) -> list[Trace]:
    """Newest first; none of a batch that holds what this release does not know."""
    try:
        traces: list[Trace] = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    return traces[::-1]
