"""Never more than a burst and the rate, and never a refusal below that."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.gcra import Limiter, Rate, take

AMOUNT = st.fractions(min_value=Fraction(1, 8), max_value=20, max_denominator=8)
STEPS = st.lists(
    st.tuples(st.fractions(min_value=0, max_value=8, max_denominator=8), AMOUNT), max_size=60
)


ZERO: Any = Fraction(0)  # exact, where seconds are floats


class Bucket:
    """The plain twin: a bucket that holds a burst, fills at the rate and never overflows."""

    def __init__(self, rate: Rate) -> None:
        self.rate, self.level, self.at = rate, rate.burst, ZERO

    def take(self, cost, now) -> bool:
        self.level = min(self.rate.burst, self.level + (now - self.at) * self.rate.per_s)
        self.at = now
        if cost > self.level:
            return False
        self.level -= cost
        return True


@given(per_s=AMOUNT, burst=AMOUNT, steps=STEPS)
def test_it_lets_in_what_a_bucket_lets_in(per_s, burst, steps) -> None:
    rate, now, paid_at = Rate(per_s, burst), ZERO, ZERO
    bucket = Bucket(rate)
    for pause, cost in steps:
        now += pause
        paid_at, wait_s = take(paid_at, cost, now, rate)

        assert bucket.take(cost, now) == (wait_s == 0)


@given(per_s=AMOUNT, burst=AMOUNT, steps=STEPS)
def test_never_more_than_a_burst_and_the_rate(per_s, burst, steps) -> None:
    rate, now, paid_at, passed = Rate(per_s, burst), ZERO, ZERO, []
    for pause, cost in steps:
        now += pause
        paid_at, wait_s = take(paid_at, cost, now, rate)
        passed += [(now, cost)] if wait_s == 0 else []

        for since, _ in passed:
            assert burst + per_s * (now - since) >= sum(c for at, c in passed if at >= since)


@given(per_s=AMOUNT, burst=AMOUNT, steps=STEPS, cost=AMOUNT)
def test_whoever_waits_as_long_as_it_was_told_is_let_in(per_s, burst, steps, cost) -> None:
    rate, now, paid_at = Rate(per_s, burst), ZERO, ZERO
    for pause, other in steps:
        now += pause
        paid_at, _ = take(paid_at, other, now, rate)
    before = paid_at
    paid_at, wait_s = take(paid_at, cost, now, rate)

    if wait_s == math.inf:
        assert cost > burst
    elif wait_s > 0:
        assert before == paid_at
        assert 0 < take(paid_at, cost, now + wait_s * Fraction(9, 10), rate)[1]
        assert 0 == take(paid_at, cost, now + wait_s, rate)[1]


@pytest.mark.parametrize(
    "cost, now, expected",
    [(3.0, 0.0, 0.0), (1.0, 0.0, 0.5), (1.0, 0.25, 0.25), (1.0, 0.5, 0.0), (4.0, 99.0, math.inf)],
)
def test_known_answers(cost: float, now: float, expected: float) -> None:
    """Two a second, three at once; the second to fifth follow the first."""
    limiter = Limiter(Rate(2.0, 3.0))
    if (cost, now) != (3.0, 0.0):
        limiter.take("k", 3.0, 0.0)

    assert expected == limiter.take("k", cost, now)


def test_keys_do_not_know_of_each_other() -> None:
    limiter = Limiter(Rate(1.0, 1.0))

    assert [0, 0, 1] == [limiter.take(key, 1, 0.0) for key in ("a", "b", "a")]


def test_memory_is_bounded_and_whoever_owes_most_recently_is_remembered() -> None:
    limiter = Limiter(Rate(1.0, 1.0), most_keys=10)
    for number in range(1_000):
        limiter.take(f"k{number}", 1, 0.0)
        assert len(limiter._paid_at) <= 10
    assert 0 < limiter.take("k999", 1, 0.0)
    for number in range(11):
        limiter.take(f"later{number}", 1, 9.0)

    assert all(key.startswith("later") for key in limiter._paid_at)
