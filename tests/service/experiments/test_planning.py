"""What was planned for is found as often as it was planned."""

import numpy as np
import pytest

from service.experiments.effect import Estimate, effect
from service.experiments.planning import plan, power_of
from service.experiments.sums import sums

NOW = Estimate(0.3, 0.3 * 0.7, 1_000)


def test_known_answer() -> None:
    """Four times sixteen variances over the squared difference, the rule of thumb for 80 %."""
    asked = plan(NOW, 0.1, users_a_day=1_000)

    total = asked.control + asked.variant
    np.testing.assert_allclose(4 * 7.849 * 0.21 / 0.03**2, total, rtol=1e-3)
    assert -(-total // 1_000) == asked.days
    np.testing.assert_allclose(0.8, power_of(NOW, 0.1, asked.control, asked.variant), atol=1e-3)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_it_is_found_as_often_as_planned(share: float) -> None:
    asked, rng, runs = plan(NOW, 0.2, users_a_day=100, share=share), np.random.default_rng(3), 1_000
    control = sums((rng.random((runs, asked.control)) < 0.3).astype(np.float64))
    variant = sums((rng.random((runs, asked.variant)) < 0.36).astype(np.float64))

    found = (effect(control, variant).p < 0.05).mean()

    np.testing.assert_allclose(0.8, found, atol=0.06)


@pytest.mark.parametrize(
    "more", [{"lift": 0.0}, {"users_a_day": 0.0}, {"share": 1.0}, {"power": 0.0}, {"level": 1.0}]
)
def test_what_cannot_be_planned_is_refused(more: dict[str, float]) -> None:
    options = {"lift": 0.1, "users_a_day": 10.0} | more
    with pytest.raises(ValueError, match=r"needs a lift|between 0 and 1"):
        plan(NOW, options.pop("lift"), **options)
