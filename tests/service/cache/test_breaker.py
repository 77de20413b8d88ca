"""The breaker: five failures open it, one caller a second looks whether all is well again."""

from service.cache.breaker import FAILURES, PAUSE_S, Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker(Clock())

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
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed()

    clock.now += PAUSE_S

    assert [True, False, False] == [breaker.allows() for _ in range(3)]
    breaker.succeeded()
    assert [True, True] == [breaker.allows() for _ in range(2)]
