"""Patches in Redis: a stream whose ids are term and number, and one key with all of it.

Redis itself refuses an id that is not greater than the last: a learner that has lost its lease
cannot publish any more once the next one has begun.
"""

from typing import Any

from redis.asyncio import Redis

from service.bus.patches import MOST_PATCHES, Patch
from service.bus.redis_client import ANSWER_S, open_redis, translated
from service.errors import BusUnavailable

AT_ONCE = 50
HEAD = 32  # characters of "term-number" in front of the base
PUT_BASE = """
local term, number = string.match(redis.call('GETRANGE', KEYS[1], 0, 31), '^(%d+)-(%d+)')
if term then
  term, number = tonumber(term), tonumber(number)
  local ours, at = tonumber(ARGV[1]), tonumber(ARGV[2])
  if term > ours or (term == ours and number > at) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""


class RedisPatches:
    """Patches for all processes that name the same Redis."""

    def __init__(
        self, url: str, *, name: str = "echotune:learner", most: int = MOST_PATCHES
    ) -> None:
        self._redis: Redis = open_redis(url)
        self._waiting: Redis = open_redis(url, answer_s=None)
        self._stream, self._base_key, self._most = f"{name}:patches", f"{name}:base", most
        self._put_base = self._redis.register_script(PUT_BASE)

    async def publish(self, patch: Patch) -> bool:
        try:
            async with translated():
                await self._redis.xadd(
                    self._stream,
                    {b"b": patch.body},
                    id=f"{patch.term}-{patch.number}",
                    maxlen=self._most,
                    approximate=False,
                )
        except BusUnavailable as error:
            if "equal or smaller" not in str(error.__cause__):
                raise
            return False
        return True

    async def put_base(self, patch: Patch) -> bool:
        head = f"{patch.term}-{patch.number}".ljust(HEAD).encode()
        async with translated():
            return bool(
                await self._put_base(
                    keys=[self._base_key], args=[patch.term, patch.number, head + patch.body]
                )
            )

    async def base(self) -> Patch | None:
        async with translated():
            kept: Any = await self._redis.get(self._base_key)
        if kept is None:
            return None
        return _patch(kept[:HEAD].strip(), kept[HEAD:])

    async def after(self, term: int, number: int, *, wait_s: float = 0.0) -> list[Patch]:
        client = self._waiting if wait_s > 0 else self._redis
        async with translated(within_s=wait_s + ANSWER_S):
            found: Any = await client.xread(
                {self._stream: f"{term}-{number}"},
                count=AT_ONCE,
                block=max(int(wait_s * 1000), 1) if wait_s > 0 else None,
            )
        return [_patch(place, fields[b"b"]) for _, some in found or () for place, fields in some]

    async def close(self) -> None:
        await self._redis.aclose()
        await self._waiting.aclose()


def _patch(place: bytes, body: bytes) -> Patch:
    term, _, number = place.decode().partition("-")
    return Patch(int(term), int(number), body)
