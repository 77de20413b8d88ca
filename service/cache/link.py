"""The invalidation link: hears from Redis whose rev has changed in any process.

Pub/sub delivers at most once, so the link must know when it may have missed something: it pings,
and after every new connection everything local is forgotten.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from service.cache.clients import BROKEN
from service.cache.redis import CHANNEL, LOOK

log = structlog.get_logger()

PING_S = 1.0
SILENT_S = 3.0
"""Silence, in spite of pings, after which the link counts as lost."""
PAUSE_S = 0.2


class Hearer(Protocol):
    """Whoever keeps local answers, or tells others that they are old."""

    def heard(self, user_id: str, rev: int) -> None:
        """This user has this rev now."""

    def announced(self) -> None:
        """Another process has changed the catalogue or the model."""

    def lost(self, since: float) -> None:
        """What happened after `since` may not have been heard."""

    def regained(self) -> None:
        """From now on everything is heard again; what was kept before may be old."""


class Link:
    """One connection that subscribes, listens and pings, and is made again when it breaks."""

    def __init__(
        self,
        client: Redis,
        *hearers: Hearer,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._hearers, self._name, self._clock = client, hearers, name, clock
        self._task: asyncio.Task[None] | None = None
        self._last = clock()
        self._up = False

    def open(self) -> None:
        """Start to listen."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            pubsub = self._client.pubsub()
            try:
                await self._listen(pubsub)
            except BROKEN as error:
                if self._up:
                    log.warning("invalidation link lost", reason=type(error).__name__)
                    self._up = False
                    for hearer in self._hearers:
                        hearer.lost(self._last)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(PAUSE_S)

    async def _listen(self, pubsub: PubSub) -> None:
        async with asyncio.timeout(SILENT_S):
            await pubsub.subscribe(CHANNEL)
            while (await pubsub.get_message(timeout=SILENT_S) or {}).get("type") != "subscribe":
                pass
        self._last = self._clock()
        for hearer in self._hearers:
            hearer.regained()
        self._up = True
        pinged = self._last
        while True:
            message = await pubsub.get_message(timeout=PING_S)
            now = self._clock()
            if message is not None:
                self._last = now
                if message["type"] == "message":
                    self._hear(message["data"])
            if now - self._last >= SILENT_S:
                raise TimeoutError
            if now - pinged >= PING_S:
                pinged = now
                async with asyncio.timeout(SILENT_S):
                    await pubsub.ping()

    def _hear(self, data: bytes) -> None:
        rev, _, user_id = data.decode(errors="replace").partition(" ")
        for hearer in self._hearers:
            if rev == LOOK and user_id != self._name:
                hearer.announced()
            elif rev.isdigit():
                hearer.heard(user_id, int(rev))
