"""The stream in Redis, for every process that names the same one: XADD, XREADGROUP, XCLAIM.

Its Redis must never evict and must fsync before it answers (`echotune doctor` looks): with
`appendfsync everysec` and a slow disk half of what was acknowledged was lost. Nothing here uses
MAXLEN, which removes what nobody has read yet without a word.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from service import spans
from service.bus.facts import Event, topic
from service.bus.protocol import START, DeadFact, Entry, Lag
from service.bus.redis_client import ANSWER_S, open_redis, translated
from service.bus.scripts import BURY, COUNT, HOLD, KEEP, REPLAY, TAKE_OVER
from service.bus.wire import from_bytes, to_bytes
from service.errors import BusUnavailable, Overloaded

PREFIX = "echotune:bus"
MOST_WAITING = 1_000_000
"""Events that wait for the slowest reader before no more is taken: 300 MB of Redis."""
MOST_BYTES = 1 << 30
"""The same in bytes: a request of 1,000 listens is one event of 250 KB."""
MOST_DEAD = 10_000
LAST = 2**64 - 1
Place = tuple[int, int]
BODY, MARK = b"b", b"t"

COUNTED = 10_000
"""Waiting events beyond which nobody counts: Redis serves nobody else for 50 ms meanwhile."""


class RedisStream:
    """Events of every process that names the same Redis.

    Events that are published in one turn of the event loop travel in one round trip, and so in one
    fsync.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = PREFIX,
        most_waiting: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._redis, self._waiting = open_redis(url), open_redis(url, answer_s=None)
        self._stream, self._dead = f"{prefix}:events", f"{prefix}:dead"
        self._most, self._most_bytes = most_waiting, most_bytes
        self._bury, self._replay, self._take_over, self._hold, self._keep, self._count = map(
            self._redis.register_script, (BURY, REPLAY, TAKE_OVER, HOLD, KEEP, COUNT)
        )
        self._batch: list[dict[Any, Any]] = []
        self._sending: asyncio.Future[None] | None = None
        self._full = False

    async def publish(self, events: Sequence[Event]) -> None:
        if not events:
            return
        if self._full and await self._still_full():
            raise Overloaded("events wait to be learned from: send them again in a moment")
        mark = {MARK: traced} if (traced := spans.mark()) else {}
        self._batch += ({BODY: to_bytes(event), **mark} for event in events)
        if self._sending is None:
            self._sending = asyncio.ensure_future(self._send())
        # Whoever gives up waiting takes the others' events with them: they are sent all the same.
        await asyncio.shield(self._sending)

    async def _send(self) -> None:
        await asyncio.sleep(0)  # the rest of this turn comes along
        batch, self._batch, self._sending = self._batch, [], None
        async with translated(), self._redis.pipeline(transaction=False) as pipeline:
            self._measure(pipeline)
            for fields in batch:
                pipeline.xadd(self._stream, fields)
            length, used, *_ = await pipeline.execute()
        self._full = self._too_much(length, used)

    def _measure(self, pipeline: Any) -> None:  # noqa: ANN401 - redis-py's has no type of its own
        pipeline.xlen(self._stream)
        pipeline.memory_usage(self._stream)  # from five samples: 4 µs

    def _too_much(self, length: int, used: int | None) -> bool:
        return length >= self._most or (used or 0) >= self._most_bytes

    async def _still_full(self) -> bool:
        await self.trim()
        async with translated(), self._redis.pipeline(transaction=False) as pipeline:
            self._measure(pipeline)
            self._full = self._too_much(*await pipeline.execute())
        return self._full

    async def read(self, after: str, *, limit: int, wait_s: float = 0.0) -> list[Entry]:
        async with translated(within_s=wait_s + ANSWER_S):
            found = await self._client(wait_s).xread(
                {self._stream: after}, count=limit, block=_block(wait_s)
            )
        return _entries(found)

    async def keep_from(self, reader: str, place: str) -> None:
        async with translated():
            await self._keep(keys=[self._stream], args=[reader, place])

    async def take(
        self, group: str, consumer: str, *, limit: int, wait_s: float = 0.0
    ) -> list[Entry]:
        async with translated(within_s=wait_s + ANSWER_S):
            for attempt in (1, 2):
                try:
                    found = await self._client(wait_s).xreadgroup(
                        group, consumer, {self._stream: ">"}, count=limit, block=_block(wait_s)
                    )
                except ResponseError as error:
                    if attempt == 2 or "NOGROUP" not in str(error):
                        raise
                    await self._create(group)
                else:
                    return _entries(found)
        return []

    async def take_over(
        self, group: str, consumer: str, *, idle_s: float, limit: int
    ) -> list[Entry]:
        async with translated():
            try:
                found = await self._take_over(
                    keys=[self._stream], args=[group, consumer, int(idle_s * 1000), limit]
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return []
        gone = sum(body is None for _, body, _ in found)
        if gone:  # trimmed before they were settled: somebody else trims this stream
            raise BusUnavailable(f"{gone} unsettled events were removed from the stream")
        return [Entry(place.decode(), from_bytes(body), count) for place, body, count in found]

    async def hold(self, group: str, consumer: str, places: Sequence[str]) -> list[str]:
        if not places:
            return []
        async with translated():
            held = await self._hold(keys=[self._stream], args=[group, consumer, *places])
        return [place.decode() for place in held]

    async def settle(self, group: str, places: Sequence[str]) -> None:
        if places:
            async with translated():
                await self._redis.xack(self._stream, group, *places)

    async def bury(self, group: str, entry: Entry, reason: str) -> None:
        name = topic(entry.fact) if entry.fact is not None else ""
        args: list[str | int] = [group, entry.place, name, reason, entry.deliveries, MOST_DEAD]
        async with translated():
            await self._bury(keys=[self._stream, self._dead], args=args)

    async def dead(self, *, limit: int = 100) -> list[DeadFact]:
        async with translated():
            found: Any = await self._redis.xrevrange(self._dead, count=limit)
        return [_dead(place, fields) for place, fields in found]

    async def replay(self, place: str) -> bool:
        if not _is_place(place):
            return False
        async with translated():
            return bool(await self._replay(keys=[self._stream, self._dead], args=[place]))

    async def trim(self) -> int:
        async with translated():
            needed = [await self._passed(group) for group in await self._groups()]
            if not needed:
                return 0
            milliseconds, number = min(needed)
            kept = f"{milliseconds}-{number + 1}" if number < LAST else f"{milliseconds + 1}-0"
            removed: int = await self._redis.xtrim(self._stream, minid=kept, approximate=False)
        return removed

    async def lags(self) -> dict[str, Lag]:
        lags = {}
        async with translated():
            seconds, microseconds = await self._redis.time()
            for group in await self._groups():
                after = f"({group['last-delivered-id'].decode()}"
                waiting = group.get("lag")  # None where Redis would have to count
                if waiting is None:
                    waiting = await self._count(keys=[self._stream], args=[after, COUNTED])
                first: Any = await self._redis.xrange(self._stream, after, count=1)
                places = [_place(place) for place, _ in first]
                if group["pending"]:
                    places.append(await self._passed(group))
                oldest = min(places, default=None)
                age = seconds + microseconds / 1e6 - oldest[0] / 1000 if oldest else 0.0
                lags[group["name"].decode()] = Lag(int(waiting), group["pending"], max(age, 0.0))
        return lags

    async def close(self) -> None:
        if self._sending is not None:
            await asyncio.gather(self._sending, return_exceptions=True)
        await self._redis.aclose()
        await self._waiting.aclose()

    def _client(self, wait_s: float) -> Redis:
        """One that waits has a connection of its own; how long it may take is known by who asks."""
        return self._waiting if wait_s > 0 else self._redis

    async def _create(self, group: str) -> None:
        try:
            await self._redis.xgroup_create(self._stream, group, START, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):  # another process was first
                raise

    async def _groups(self) -> list[dict[str, Any]]:
        try:
            groups: list[dict[str, Any]] = await self._redis.xinfo_groups(self._stream)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return []
        return groups

    async def _passed(self, group: dict[str, Any]) -> Place:
        """The last place that this group is through with."""
        if not group["pending"]:
            return _place(group["last-delivered-id"])
        summary = await self._redis.xpending(self._stream, group["name"])
        if summary["min"] is None:  # settled in between
            return _place(group["last-delivered-id"])
        milliseconds, number = _place(summary["min"])
        return (milliseconds, number - 1) if number else (milliseconds - 1, LAST)


def _block(wait_s: float) -> int | None:
    return max(int(wait_s * 1000), 1) if wait_s > 0 else None


def _entries(found: Any) -> list[Entry]:  # noqa: ANN401 - what redis-py answers
    return [
        Entry(
            place.decode(),
            from_bytes(fields.get(BODY, b"")),
            mark=fields.get(MARK, b"").decode("ascii", "replace"),
        )
        for _, entries in found or ()
        for place, fields in entries
    ]


def _dead(place: bytes, fields: dict[bytes, bytes]) -> DeadFact:
    return DeadFact(
        place.decode(),
        fields[b"group"].decode(),
        fields[b"topic"].decode(),
        fields[b"reason"].decode(errors="replace"),
        int(fields[b"deliveries"]),
        datetime.fromtimestamp(_place(place)[0] / 1000, UTC),
        fields[b"body"],
    )


def _place(text: bytes) -> Place:
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number)


def _is_place(text: str) -> bool:
    milliseconds, _, number = text.partition("-")
    return all(
        part.isascii() and part.isdigit() and int(part) <= LAST for part in (milliseconds, number)
    )
