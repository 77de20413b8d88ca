"""The local cache: bounded in bytes, entries with a time to live, hits counted."""

import time

from prometheus_client import REGISTRY

from service.cache.local import OVERHEAD_BYTES, LocalCache

MEGABYTE = 1 << 20


def test_what_is_put_is_found_until_replaced() -> None:
    cache = LocalCache[str](MEGABYTE)

    assert cache.get("a") is None
    cache.put("a", "one", weight=3, ttl_s=60)
    assert "one" == cache.get("a")
    cache.put("a", "two", weight=3, ttl_s=60)
    assert "two" == cache.get("a")


def test_a_hundred_thousand_answers_stay_within_the_bytes_given() -> None:
    cache = LocalCache[int](MEGABYTE)

    for number in range(100_000):
        cache.put(f"key-{number}", number, weight=1_000, ttl_s=60)

    assert MEGABYTE // 2 < cache.weight <= MEGABYTE


def test_keys_and_entries_have_a_weight_of_their_own() -> None:
    """Else a million empty answers would weigh nothing."""
    cache = LocalCache[str](MEGABYTE)

    cache.put("k" * 100, "", weight=0, ttl_s=60)

    assert 100 + OVERHEAD_BYTES == cache.weight


def test_a_thousand_answers_of_twenty_tracks_fit_into_the_default() -> None:
    cache = LocalCache[int](64 << 20)
    for number in range(1_000):
        cache.put(f"key-{number}", number, weight=8_000, ttl_s=60)

    assert list(range(1_000)) == [cache.get(f"key-{number}") for number in range(1_000)]


def test_an_entry_is_gone_after_its_own_time() -> None:
    cache = LocalCache[str](MEGABYTE)
    cache.put("soon", "x", weight=1, ttl_s=0.05)
    cache.put("late", "x", weight=1, ttl_s=60)

    time.sleep(0.1)

    assert cache.get("soon") is None
    assert "x" == cache.get("late")


def test_the_hit_rate_is_hits_by_lookups_and_is_exported() -> None:
    cache = LocalCache[str](MEGABYTE)
    assert 0 == cache.hit_rate

    cache.put("a", "x", weight=1, ttl_s=60)
    for key in ("a", "a", "a", "b"):
        cache.get(key)

    assert 0.75 == cache.hit_rate
    assert 0.75 == REGISTRY.get_sample_value(
        "recommendation_cache_hit_rate", {"cache_layer": "local"}
    )
