"""The lease in Redis: SET NX PX with a token of one's own, compared in Lua before any change."""

import secrets

from redis.asyncio import Redis

from service.bus.lease import TTL_S
from service.bus.redis_client import open_redis, translated

ACQUIRE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
local term = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[3])) + 1
redis.call('SET', KEYS[2], string.format('%d', term))
return term
"""
"""KEYS lease, term; ARGV token, ms, the term to be above."""

RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisLease:
    """One lease of all processes that name the same Redis."""

    def __init__(self, url: str, *, name: str = "echotune:learner", ttl_s: float = TTL_S) -> None:
        self._redis: Redis = open_redis(url)
        self._key, self._term_key, self._ms = f"{name}:lease", f"{name}:term", int(ttl_s * 1000)
        self._token = secrets.token_hex(16)
        self._acquire, self._renew, self._release = map(
            self._redis.register_script, (ACQUIRE, RENEW, RELEASE)
        )

    async def acquire(self, *, above: int = 0) -> int | None:
        async with translated():
            term = await self._acquire(
                keys=[self._key, self._term_key], args=[self._token, self._ms, above]
            )
        return int(term) or None

    async def renew(self) -> bool:
        async with translated():
            return bool(await self._renew(keys=[self._key], args=[self._token, self._ms]))

    async def release(self) -> None:
        async with translated():
            await self._release(keys=[self._key], args=[self._token])

    async def close(self) -> None:
        await self._redis.aclose()
