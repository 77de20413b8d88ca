"""Who looks every day is not fooled more often than who looks once."""

import numpy as np
import pytest

from service.experiments.effect import effect
from service.experiments.sequence import half_width, sequence
from service.experiments.sums import sums

DAYS, A_DAY, RUNS = 20, 100, 400


def looks() -> tuple[int, int]:
    """Of experiments where nothing differs, how many each way of looking calls an effect."""
    rng = np.random.default_rng(7)
    one, other = (sums(rng.gamma(2, 1, (RUNS, DAYS, A_DAY))) for _ in range(2))
    always, once = np.zeros(RUNS, bool), np.zeros(RUNS, bool)
    for day in range(1, DAYS + 1):
        control, variant = (_until(of, day) for of in (one, other))
        low, high = sequence(control, variant, planned=DAYS * A_DAY)
        always |= (low > 0) | (high < 0)
        once |= effect(control, variant).p < 0.05
    return int(always.sum()), int(once.sum())


def _until(of, day):
    """The sums of the first days; every field is (runs, days)."""
    parts = [
        np.asarray(getattr(of, name))[..., :day].sum(-1) if name != "n" else of.n * day
        for name in of.__struct_fields__
    ]
    return type(of)(*parts)


def test_looking_every_day_fools_the_usual_interval_and_not_this_one() -> None:
    always, once = looks()

    assert always <= 0.05 * RUNS
    assert once > 0.15 * RUNS  # the control


def test_it_is_narrowest_beside_one_look_where_it_was_planned() -> None:
    n = np.array([10, 100, 1_000, 10_000, 100_000.0])
    wider = half_width(np.ones(5), n, planned=1_000)

    assert 2 == wider.argmin()
    np.testing.assert_allclose(2.98, wider[2], atol=0.1)


def test_the_formula_by_hand() -> None:
    """n rho² = 1 at this plan, so the width is error * sqrt(4 ln(sqrt(2) / .05))."""
    log = -2 * np.log(0.05)
    planned = log + np.log(log + 1)

    np.testing.assert_allclose(
        np.sqrt(4 * np.log(np.sqrt(2) / 0.05)), half_width(1, 1, planned=planned)
    )


@pytest.mark.parametrize("planned, level", [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_what_makes_no_interval_is_refused(planned: float, level: float) -> None:
    with pytest.raises(ValueError, match="make no interval"):
        half_width(1.0, 10, planned=planned, level=level)
