"""The shared level in Redis or Valkey.

A request waits for it ten milliseconds at most. What it waited for goes on in the background: a
cancelled command would cost its connection, and did once hand one caller's reply to another.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis

from service import deadline, metrics
from service.breaker import Breaker
from service.cache.answer import HEAD, Answer, decode, encode
from service.cache.clients import BROKEN
from service.cache.coalesced import Coalesced
from service.cache.protocol import (
    ERASED,
    LEASE_S,
    PLACEHOLDER_S,
    RECORD_S,
    Claim,
    Found,
    SharedUnavailable,
)
from service.cache.scripts import CLAIM, NOTE, PUT, RELEASE

CHANNEL = "echotune:changes"
LOOK = "look"
"""On the channel: "REV USER", or this and the name of who says so."""
MOST_WAITING = 64
"""Commands under way at once: the bulkhead. Reads of one turn count as one."""

Result = TypeVar("Result")


class RedisShared:
    """Answers under `et:a:`, records under `et:r:`, leases under `et:l:`."""

    def __init__(
        self,
        client: Redis,
        *,
        budget_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._budget_s, self._clock, self._wall = budget_s, clock, wall
        self._breaker = Breaker("redis", clock)
        self.name = _name().decode()
        self._publish = client.publish
        self._reads = Coalesced(client.mget)  # type: ignore[arg-type] # decodes nothing
        self._claim = client.register_script(CLAIM)
        self._put = client.register_script(PUT)
        self._release = client.register_script(RELEASE)
        self._note = client.register_script(NOTE)
        self._under_way: set[asyncio.Future[Any]] = set()

    async def read(self, user_id: str, key: str) -> Found:
        record, value = await self._ask(self._reads.read(f"et:r:{user_id}", f"et:a:{key}"))
        if record is None:
            return Found(ERASED, None, _seen(value))
        rev, generation = _read_record(record)
        if value is None:
            return Found(rev, None)
        decoded = decode(value, key, monotonic=self._clock(), now=self._wall())
        if decoded is None:
            metrics.SHARED_FAILURES.labels("unreadable").inc()
            return Found(rev, None, _seen(value))
        answer, stored_under = decoded
        counts = stored_under == generation and answer.rev >= rev
        return Found(rev, answer if counts else None, _seen(value))

    async def claim(self, user_id: str, key: str, rev: int, seen: bytes) -> Claim:
        token = _name()
        record, held = await self._ask(
            self._claim(
                keys=[f"et:r:{user_id}", _lease(key, rev), f"et:a:{key}"],
                args=[_name(), _ms(PLACEHOLDER_S), token, _ms(LEASE_S), seen, HEAD.size],
            )
        )
        return Claim(rev, _read_record(record)[1], bool(held), token)

    async def put(
        self, user_id: str, key: str, answer: Answer, claim: Claim, *, ttl_s: float
    ) -> bool:
        age_s = self._clock() - answer.made
        value = encode(answer, key, claim.generation, age_s=age_s, now=self._wall())
        stored = await self._ask(
            self._put(
                keys=[f"et:r:{user_id}", f"et:a:{key}", _lease(key, claim.rev)],
                args=[
                    answer.rev,
                    claim.generation,
                    value,
                    _ms(ttl_s),
                    _ms(RECORD_S),
                    claim.token,
                ],
            )
        )
        return bool(stored)

    async def release(self, key: str, claim: Claim) -> None:
        await self._ask(self._release(keys=[_lease(key, claim.rev)], args=[claim.token]))

    async def note(self, revs: Sequence[tuple[str, int]]) -> None:
        args = [part for user_id, rev in revs for part in (rev, user_id)]
        await self._ask(
            self._note(
                keys=[f"et:r:{user_id}" for user_id, _ in revs],
                args=[_name(), _ms(RECORD_S), CHANNEL, *args],
            )
        )

    async def announce(self) -> None:
        await self._ask(self._publish(CHANNEL, f"{LOOK} {self.name}"))

    async def close(self) -> None:
        """Wait for what is under way; each command has a time limit of its own."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _ask(self, command: Awaitable[Result]) -> Result:
        """The reply, if it comes within the budget.

        Raises:
            SharedUnavailable: it does not, or experience says that it will not.
        """
        if len(self._under_way) >= MOST_WAITING or not self._breaker.allows():
            _drop(command)
            metrics.SHARED_FAILURES.labels("skipped").inc()
            raise SharedUnavailable
        task = asyncio.ensure_future(command)
        self._under_way.add(task)
        task.add_done_callback(self._landed)
        try:
            if not await deadline.done_within(task, self._budget_s):
                raise TimeoutError
            reply = task.result()
        except BROKEN as error:
            self._breaker.failed()
            late = isinstance(error, TimeoutError)
            metrics.SHARED_FAILURES.labels("late" if late else "failed").inc()
            raise SharedUnavailable from error
        self._breaker.succeeded()
        return reply

    def _landed(self, task: "asyncio.Future[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever asked has been told, or has left


def _drop(command: Awaitable[Any]) -> None:
    if asyncio.iscoroutine(command):
        command.close()


def _read_record(record: bytes) -> tuple[int, bytes]:
    rev, _, generation = record.partition(b":")
    return int(rev) if rev.isdigit() else ERASED, generation


def _seen(value: bytes | None) -> bytes:
    return b"" if value is None else value[: HEAD.size]


def _lease(key: str, rev: int) -> str:
    return f"et:l:{key}|{rev}"


def _name() -> bytes:
    return secrets.token_hex(8).encode()


def _ms(seconds: float) -> int:
    return max(int(seconds * 1000), 1)
