"""One budget for all processes, in Redis or Valkey: GCRA in one step, by the server's own clock."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from service.access.gcra import Rate
from service.access.protocol import BudgetUnavailable
from service.breaker import Breaker

LEASE = """
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1e6
local wanted, per_s, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local left = burst - (paid - now) * per_s
local granted = math.floor(math.min(wanted, left) + 1e-6)
if granted < 1 then
  return {0, tostring((1 - left) / per_s)}
end
paid = paid + granted / per_s
local ms = math.ceil((paid - now) * 1000) + 1000
redis.call('SET', KEYS[1], string.format('%.6f', paid), 'PX', ms)
return {granted, '0'}
"""
"""KEYS moment; ARGV wanted, per second, burst. It is kept until all is paid for, and a second."""
PREFIX = "et:k:"


class RedisBudget:
    """Moments under `et:k:`. `client` belongs to whoever opened it."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - of redis-py, which only adapters know
        *,
        budget_s: float,
        broken: tuple[type[BaseException], ...],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._budget_s, self._broken = budget_s, broken
        self._lease = client.register_script(LEASE)
        self._breaker = Breaker("rate limits", clock)
        self._under_way: set[asyncio.Future[Any]] = set()

    async def lease(self, name: str, wanted: float, rate: Rate) -> tuple[float, float]:
        if not self._breaker.allows():
            raise BudgetUnavailable("Redis has not answered lately")
        asking = asyncio.ensure_future(
            self._lease(keys=[PREFIX + name], args=[wanted, rate.per_s, rate.burst])
        )
        self._under_way.add(asking)
        asking.add_done_callback(self._forget)
        try:
            # Not cancelled when it is late: that would cost the connection.
            granted, wait_s = await asyncio.wait_for(asyncio.shield(asking), self._budget_s)
        except self._broken as error:  # TimeoutError is an OSError, and so one of them
            self._breaker.failed()
            raise BudgetUnavailable(f"{type(error).__name__}") from error
        self._breaker.succeeded()
        return float(granted), float(wait_s)

    async def close(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _forget(self, done: asyncio.Future[Any]) -> None:
        self._under_way.discard(done)
        if not done.cancelled():
            done.exception()  # heard, whether or not anybody still waits
