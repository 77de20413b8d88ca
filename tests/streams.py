"""Event streams for tests: one of each adapter, empty, and what is put on them."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from service.bus import Entry, Event, Stream, UserUpdated
from service.bus.memory import MemoryStream
from service.bus.redis_streams import RedisStream

ADAPTERS = ("memory", "redis")


class opened:  # noqa: N801 - reads as what it does
    """A stream of the asked adapter, empty, with room for `most_waiting`."""

    def __init__(self, request: pytest.FixtureRequest, **options: Any) -> None:
        self._request, self._options, self._prefix = request, options, f"test-{uuid4().hex}"

    async def __aenter__(self) -> Stream:
        if self._request.node.callspec.params["stream"] == "memory":
            self._stream: Stream = MemoryStream(**self._options)
        else:
            url = self._request.getfixturevalue("valkey_url")
            self._stream = RedisStream(url, prefix=self._prefix, **self._options)
        return self._stream

    async def __aexit__(self, *_: object) -> None:
        await self._stream.close()
        if isinstance(self._stream, RedisStream):
            async with Redis.from_url(self._request.getfixturevalue("valkey_url")) as redis:
                async for key in redis.scan_iter(f"{self._prefix}:*"):
                    await redis.delete(key)


def events(*revs: int) -> list[Event]:
    return [UserUpdated(f"u{rev}", rev) for rev in revs]


def revs(entries: Sequence[Entry]) -> list[int | None]:
    return [entry.fact.rev for entry in entries if isinstance(entry.fact, UserUpdated)]


def places(entries: Sequence[Entry]) -> list[str]:
    return [entry.place for entry in entries]
