"""How much is too much: the generic cell rate algorithm (ITU-T I.371), one number per key.

A key has a burst at once and then a rate. What is kept is when all it has had would be paid for at
that rate; more is let in as long as that moment lies no further ahead than a whole burst takes.
"""

import math

from msgspec import Struct

MOST_KEYS = 100_000


class Rate(Struct, frozen=True):
    """So much a second, and so much at once."""

    per_s: float
    burst: float


def take(paid_at: float, cost: float, now: float, rate: Rate) -> tuple[float, float]:
    """Whether `cost` is let in now.

    Returns:
        When it would all be paid for, and 0; or the same moment as before, and the seconds after
        which the same cost is let in (inf: it is more than a burst).
    """
    later = max(paid_at, now) + cost / rate.per_s
    wait_s = later - rate.burst / rate.per_s - now
    if cost > rate.burst:
        return paid_at, math.inf
    return (later, 0.0) if wait_s <= 0 else (paid_at, wait_s)


class Limiter:
    """The moments of the keys that are not all paid for, in the memory of one process."""

    def __init__(self, rate: Rate, *, most_keys: int = MOST_KEYS) -> None:
        self._rate, self._most = rate, most_keys
        self._paid_at: dict[str, float] = {}

    def take(self, key: str, cost: float, now: float) -> float:
        """0 and it counts, or the seconds to wait and nothing happened; `now` in any seconds."""
        self._paid_at[key], wait_s = take(self._paid_at.pop(key, now), cost, now, self._rate)
        if len(self._paid_at) > self._most:
            self._forget(now)
        return wait_s

    def wait_s(self, key: str, cost: float, now: float) -> float:
        """What `take` would say; nothing happens."""
        return take(self._paid_at.get(key, now), cost, now, self._rate)[1]

    def _forget(self, now: float) -> None:
        """Let go of keys that owe nothing, and if they all do, of those not heard of for longest.

        That gives them a new burst; a flood of new keys gets one each anyway.
        """
        owing = {key: at for key, at in self._paid_at.items() if at > now}
        spare = max(len(owing) - self._most // 2, 0)
        self._paid_at = dict(list(owing.items())[spare:])
