"""The limit: within its bounds whatever it is told, and quiet where a backend changes its pace."""

from math import inf, isfinite, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.concurrency_limit import (
    FEWEST,
    FIRST,
    LATE_SHARE,
    LEAST,
    MORE,
    MOST,
    Learned,
    Limit,
)

DEADLINE_S, WINDOW_S = 0.090, 0.1
SHARES = st.floats(0, 1) | st.sampled_from([nan, inf, -inf, -1.0, 1e300])


@settings(max_examples=1_000)
@given(st.lists(st.tuples(SHARES, st.integers(0, 10_000)), max_size=300))
def test_it_never_leaves_its_bounds_and_is_always_a_number(windows) -> None:
    limit = Limit()
    for share, in_flight in windows:
        limit = limit.after(share, in_flight)
        assert isfinite(limit.value)
        assert LEAST <= limit.value <= MOST


def test_it_grows_while_it_is_needed_and_nobody_is_late() -> None:
    assert FIRST + MORE == Limit().after(0.0, int(FIRST)).value
    assert FIRST + MORE == Limit().after(LATE_SHARE, int(FIRST)).value
    assert FIRST == Limit().after(0.0, int(FIRST / 2) - 1).value


def test_it_falls_when_too_many_are_late_however_few_there_are() -> None:
    assert 0.9 * FIRST == Limit().after(0.06, 1).value


def simulate(service_s: float, limit: Limit, *, seconds: float) -> list[Limit]:
    """Forty servers and more demand than they can take: time grows with the queue before them."""
    limits = []
    for _ in range(int(seconds / WINDOW_S)):
        took_s = service_s * max(1.0, limit.value / 40)
        limit = limit.after(float(took_s > DEADLINE_S), int(limit.value))
        limits.append(limit)
    return limits


def took(service_s: float, limit: Limit) -> float:
    return service_s * max(1.0, limit.value / 40)


def test_after_a_step_of_the_backend_it_settles_in_five_seconds_and_does_not_swing() -> None:
    """From 5 to 50 ms and back; what is let in stays within the deadline."""
    before = simulate(0.005, Limit(), seconds=30)[-1]
    slow = simulate(0.050, before, seconds=30)
    settled = [one.value for one in slow[50:]]
    middle = sum(settled) / len(settled)
    back = simulate(0.005, slow[-1], seconds=5)

    assert before.value > FIRST
    assert all(0.8 * middle <= one <= 1.2 * middle for one in settled)
    assert all(took(0.050, one) <= 1.1 * DEADLINE_S for one in slow[50:])
    assert all(took(0.005, one) <= DEADLINE_S for one in back)
    assert back[-1].value > 2 * middle


def test_without_the_limit_what_is_let_in_would_be_late() -> None:
    """The control of the test above."""
    assert took(0.050, simulate(0.005, Limit(), seconds=30)[-1]) > DEADLINE_S


def test_it_is_looked_at_again_when_a_window_is_over_and_saw_enough() -> None:
    now = 0.0
    learned = Learned(Limit(100.0, least=4.0), late_s=0.05, clock=lambda: now)
    for _ in range(FEWEST):
        learned.saw(start=now - 1.0, in_flight=100)  # late, and the window is not over
    assert 100.0 == learned.limit.value

    now = WINDOW_S
    learned.saw(start=now, in_flight=100)
    assert 90.0 == learned.limit.value
    for _ in range(100 * FEWEST):
        now += WINDOW_S
        learned.saw(start=now - 1.0, in_flight=100)
    assert 4.0 == learned.limit.value
