"""The local level: bounded in bytes, answers with an end, refreshed ahead of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.answer import Answer
from service.cache.local import FRESH_S, OVERHEAD_BYTES, Local

MEGABYTE = 1 << 20


def answer(size: int = 3, *, made: float = 0.0, cost_s: float = 0.2, **more: float) -> Answer:
    lives = {"fresh_s": 900.0, "stale_s": 300.0} | more
    return Answer(b"x" * size, "", 1, made, cost_s, lives["fresh_s"], lives["stale_s"])


def local(capacity_bytes: int = MEGABYTE, now: float = 0.0) -> Local:
    return Local(capacity_bytes, lambda: now)


def test_what_is_put_is_found_until_replaced() -> None:
    cache = local()

    assert cache.get("a") is None
    for size in (1, 2):
        cache.put("a", answer(size), since=0.0)
        kept = cache.get("a")
        assert kept is not None
        assert size == len(kept.answer.body)


def test_a_hundred_thousand_answers_stay_within_the_bytes_given() -> None:
    cache = local()

    for number in range(100_000):
        cache.put(f"key-{number}", answer(1_000), since=0.0)

    assert MEGABYTE // 2 < cache.weight <= MEGABYTE


def test_keys_and_entries_have_a_weight_of_their_own() -> None:
    """Else a million empty answers would weigh nothing."""
    cache = local()

    cache.put("k" * 100, answer(0), since=0.0)

    assert 100 + OVERHEAD_BYTES == cache.weight


def test_a_thousand_answers_of_twenty_tracks_fit_into_the_default() -> None:
    cache = local((64 << 20) * 19 // 20)
    for number in range(1_000):
        cache.put(f"key-{number}", answer(8_000), since=0.0)

    assert all(cache.get(f"key-{number}") for number in range(1_000))


def test_it_is_fresh_for_five_minutes_at_most_and_never_longer_than_the_answer() -> None:
    cache = local(now=1_000.0)
    cache.put("new", answer(made=1_000.0), since=999.0)
    cache.put("old", answer(made=200.0), since=999.0)

    new, old = cache.get("new"), cache.get("old")

    assert new is not None
    assert old is not None
    assert (1_000 + FRESH_S, 1_000 + FRESH_S + 300) == (new.until, new.gone)
    assert (1_100.0, 1_400.0) == (old.until, old.gone)
    assert 999.0 == new.since


def test_what_may_bridge_nothing_is_not_kept_past_its_end() -> None:
    cache = local(now=10.0)

    cache.put("a", answer(made=0.0, fresh_s=5.0, stale_s=0.0), since=0.0)

    assert cache.get("a") is None


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
def test_a_refresh_ahead_is_due_when_the_draw_times_the_cost_reaches_the_end(random) -> None:
    cache = local()
    cache.put("a", answer(), since=0.0)
    kept = cache.get("a")
    assert kept is not None
    margin = -0.2 * math.log(1 - random)

    assert kept.due(kept.until - margin + 1e-6, random)
    assert not kept.due(kept.until - margin - 1e-6, random)


@given(st.floats(0, 1 - 2**-29), st.floats(0, 10))
def test_nobody_refreshes_before_a_reader_looks_for_it(random, cost_s) -> None:
    """A hit compares one number; the draw is made from `early` on."""
    cache = local()
    cache.put("a", answer(cost_s=cost_s), since=0.0)
    kept = cache.get("a")
    assert kept is not None

    assert not kept.due(kept.early - 0.5 - cost_s, random)
