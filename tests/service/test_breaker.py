"""The breaker: five failures open it, one caller a second looks whether all is well again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.breaker import FAILURES, LATEST, MOST_FAILED, PAUSE_S, Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker("test", Clock())

    for _ in range(FAILURES - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        breaker.failed()
    assert breaker.allows()
    breaker.failed()

    assert not breaker.allows()


def test_once_per_pause_one_caller_is_the_probe() -> None:
    clock = Clock()
    breaker = Breaker("test", clock)
    for _ in range(FAILURES):
        breaker.failed()

    clock.now += PAUSE_S

    assert [True, False, False] == [breaker.allows() for _ in range(3)]
    breaker.succeeded()
    assert [True, True] == [breaker.allows() for _ in range(2)]


def test_half_of_twenty_calls_open_it_whatever_their_order() -> None:
    """The bar: open within a second of 50 % errors over 20 calls."""
    breaker = Breaker("test", Clock())

    for _ in range(MOST_FAILED):
        breaker.succeeded()
        breaker.failed()

    assert not breaker.allows()


def test_what_failed_before_it_was_back_counts_no_more() -> None:
    clock = Clock()
    breaker = Breaker("test", clock)
    for _ in range(MOST_FAILED + FAILURES):
        breaker.failed()
    clock.now += PAUSE_S
    assert breaker.allows()
    breaker.succeeded()

    for _ in range(FAILURES - 1):
        breaker.failed()

    assert breaker.allows()


EVENTS = st.lists(st.sampled_from(["call", "ok", "failed", "wait", "half"]), max_size=80)


@settings(max_examples=500)
@given(EVENTS)
def test_while_open_at_most_one_call_a_pause_is_let_through(events) -> None:
    clock = Clock()
    breaker = Breaker("test", clock)
    row, probes = 0, list[float]()
    for event in events:
        if event in ("wait", "half"):
            clock.now += PAUSE_S if event == "wait" else PAUSE_S / 2
        elif event == "ok":
            breaker.succeeded()
            row, probes = 0, []
            assert breaker.allows()
        elif event == "failed":
            was_open = breaker.open
            breaker.failed()
            row += 1
            assert breaker.open or (not was_open and row < FAILURES)
        elif breaker.open and breaker.allows():
            assert not probes or clock.now - probes[-1] >= PAUSE_S
            probes.append(clock.now)
            assert not breaker.allows()


@settings(max_examples=500)
@given(st.lists(st.booleans(), max_size=60))
def test_it_is_open_exactly_after_five_in_a_row_or_ten_of_twenty(failures) -> None:
    breaker = Breaker("test", Clock())
    seen: list[bool] = []
    for failed in failures:
        if breaker.open:
            return
        (breaker.failed if failed else breaker.succeeded)()
        seen.append(failed)
        in_a_row = len(seen) >= FAILURES and all(seen[-FAILURES:])
        assert (failed and (in_a_row or sum(seen[-LATEST:]) >= MOST_FAILED)) == breaker.open
