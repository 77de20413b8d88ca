"""The local level: bounded in bytes, entries with a time to live, hits counted."""

from typing import Generic, TypeVar

from moka_py import Moka
from msgspec import Struct

from service import metrics

OVERHEAD_BYTES = 500  # key, entry and allocator, measured with 100,000 entries of 1 KiB

Value = TypeVar("Value")


class Sized(Struct, Generic[Value], frozen=True):
    """A value and its weight in bytes."""

    value: Value
    weight: int


class LocalCache(Generic[Value]):
    """The newest and most used values of this process."""

    def __init__(self, capacity_bytes: int) -> None:
        self._cache: Moka[str, Sized[Value]] = Moka(
            capacity_bytes, weigher=lambda key, sized: sized.weight + len(key) + OVERHEAD_BYTES
        )
        self._hits = self._lookups = 0
        metrics.HIT_RATE.labels("local").set_function(lambda: self.hit_rate)

    @property
    def hit_rate(self) -> float:
        """Share of lookups that found something; 0 before the first."""
        return self._hits / max(self._lookups, 1)

    @property
    def weight(self) -> int:
        """Bytes held, after pending evictions."""
        self._cache.run_pending_tasks()
        return self._cache.weighted_size()

    def get(self, key: str) -> Value | None:
        """What was put under `key` and is still fresh."""
        sized = self._cache.get(key)
        self._lookups += 1
        if sized is None:
            return None
        self._hits += 1
        return sized.value

    def put(self, key: str, value: Value, *, weight: int, ttl_s: float) -> None:
        """Keep `value` for `ttl_s` seconds at most."""
        self._cache.set(key, Sized(value, weight), ttl=ttl_s)
