"""How often a key may ask, all processes together.

A process takes leases out of the budget that all share, a tenth of a second's worth at most, and
spends them by itself: so most requests wait for nothing. A lease counts as spent when it is taken.
Whatever Redis does, forgets or does not answer, one process alone never lets in more than a burst
and the rate: its own moment is kept besides.
"""

import asyncio
import math
from collections.abc import Callable
from time import monotonic

from msgspec import Struct

from service.access.gcra import Rate
from service.access.identity import Identity
from service.access.protocol import Budget, BudgetUnavailable

LEASE_S = 0.1
"""Of the rate: the most that is taken at once."""
LIFE_S = 1.0
"""How long it may be spent: what a process does not need is at most this long in its hands."""
MOST_NAMES = 100_000
ROUNDING_S = 1e-9


class Allowance(Struct):
    """What this process may still let in of one key, and how much it asks for next."""

    left: float = 0.0
    until: float = 0.0
    size: float = 1.0
    taken_at: float = 0.0
    paid_at: float = 0.0  # as of `gcra.take`: all that this process has let in
    asking: asyncio.Lock | None = None


class KeyLimits:
    """Of this process. `budget`: what it shares with others; None: it is alone."""

    def __init__(self, budget: Budget | None, *, clock: Callable[[], float] = monotonic) -> None:
        self._budget, self._clock = budget, clock
        self._allowances: dict[str, Allowance] = {}

    def take(self, identity: Identity) -> float | None:
        """As `ask`, if nobody has to be asked; else None."""
        rate = identity.rate
        if rate is None:
            return 0.0
        allowance = self._allowances.get(identity.name)
        if allowance is None:
            allowance = self._allowance(identity.name)
        now = self._clock()
        if self._budget is None:
            return _pay(allowance, rate, now)
        if allowance.left < 1.0 or now >= allowance.until:
            return None
        return self._spend(allowance, rate, now)

    async def ask(self, identity: Identity) -> float:
        """0 and it counts, or the seconds to wait and nothing happened."""
        rate = identity.rate
        if rate is None or self._budget is None:
            return self.take(identity) or 0.0
        allowance = self._allowance(identity.name)
        if allowance.asking is None:
            allowance.asking = asyncio.Lock()
        async with allowance.asking:  # whoever waited for the same lease spends of it, too
            now = self._clock()
            if allowance.left >= 1.0 and now < allowance.until:
                return self._spend(allowance, rate, now)
            size = _size(allowance.size, now - allowance.taken_at, rate)
            try:
                granted, wait_s = await self._budget.lease(identity.name, math.floor(size), rate)
            except BudgetUnavailable:
                return _pay(allowance, rate, self._clock())
            if granted < 1.0:
                return wait_s
            now = self._clock()
            allowance.left, allowance.until = granted, now + LIFE_S
            allowance.size, allowance.taken_at = size, now
            return self._spend(allowance, rate, now)

    def _spend(self, allowance: Allowance, rate: Rate, now: float) -> float:
        wait_s = _pay(allowance, rate, now)
        if wait_s == 0.0:
            allowance.left -= 1.0
        return wait_s

    def _allowance(self, name: str) -> Allowance:
        allowance = self._allowances.get(name)
        if allowance is None:
            if len(self._allowances) >= MOST_NAMES:
                now = self._clock()
                self._allowances = {
                    one: kept for one, kept in self._allowances.items() if kept.paid_at > now
                }
            allowance = self._allowances[name] = Allowance()
        return allowance


def _pay(allowance: Allowance, rate: Rate, now: float) -> float:
    # As gcra.take says of one, but for rounding.
    later = max(allowance.paid_at, now) + 1.0 / rate.per_s
    wait_s = later - rate.burst / rate.per_s - now
    if wait_s > ROUNDING_S:
        return wait_s
    allowance.paid_at = later
    return 0.0


def _size(before: float, lasted_s: float, rate: Rate) -> float:
    """How much to ask for: what goes in a tenth of a second, found by doubling."""
    if lasted_s < LEASE_S:
        return min(before * 2, max(rate.per_s * LEASE_S, 1.0))
    return before if lasted_s < 2 * LEASE_S else max(before * LEASE_S / lasted_s, 1.0)
