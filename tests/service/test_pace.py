"""What is quick is done on the loop, what is not leaves it and is tried again."""

from service.pace import REST_S, Pace


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def paced() -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(quick_s=0.01, clock=clock), clock


def slowed() -> tuple[Pace, Clock]:
    pace, clock = paced()
    for _ in range(20):
        pace.saw(0.02)
    return pace, clock


def test_it_is_quick_until_seen_otherwise_and_one_slow_one_is_no_habit() -> None:
    pace, _ = paced()
    assert pace.quick
    pace.saw(60.0)
    assert pace.quick


def test_what_is_slow_again_and_again_leaves_the_loop() -> None:
    pace, _ = slowed()
    assert not pace.quick


def test_it_is_tried_once_a_second_and_stays_away_while_it_is_slow() -> None:
    pace, clock = slowed()
    clock.now += REST_S
    assert pace.quick
    pace.saw(0.02)
    assert not pace.quick


def test_what_gets_better_comes_back() -> None:
    pace, clock = slowed()
    for _ in range(20):
        clock.now += REST_S
        assert pace.quick
        pace.saw(0.001)
    clock.now -= REST_S  # no trial is due
    assert pace.quick
