"""Yesterday's log about another configuration: right where they overlap, warned elsewhere."""

import numpy as np
import pytest

from service.experiments.off_policy import off_policy

REWARDS = np.array([0.1, 0.3, 0.6])  # of each of three choices
OLD, NEW = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
TRUE = float(REWARDS @ NEW)


def logs(runs: int, samples: int, *, old=OLD) -> list[np.ndarray]:
    """Rewards, and how likely each choice was and would have been."""
    rng = np.random.default_rng(5)
    chosen = rng.choice(3, (runs, samples), p=old)
    return [(rng.random(chosen.shape) < REWARDS[chosen]) * 1.0, old[chosen], NEW[chosen]]


@pytest.mark.parametrize("estimate", ["ips", "snips"])
def test_the_intervals_hold_the_truth(estimate: str) -> None:
    found = getattr(off_policy(*logs(1_000, 2_000)), estimate)

    assert 0.93 <= ((found.low <= TRUE) & (found.high >= TRUE)).mean() <= 0.97
    np.testing.assert_allclose(TRUE, found.mean.mean(), atol=0.005)


def test_the_mean_of_the_log_is_another_one() -> None:
    """The control: what served did earn less."""
    reward, *_ = logs(10, 2_000)

    assert reward.mean() < TRUE - 0.1


def test_the_same_configuration_is_the_mean_of_the_log() -> None:
    reward, logged, _ = logs(1, 500)
    found = off_policy(reward[0], logged[0], logged[0])

    np.testing.assert_allclose([reward.mean()] * 2, [found.ips.mean, found.snips.mean])
    assert (500, False) == (round(float(found.effective)), bool(found.thin))


def test_too_thin_an_overlap_is_said() -> None:
    rare = np.array([0.495, 0.495, 0.01])

    assert off_policy(*logs(5, 2_000, old=rare)).thin.all()
    assert not off_policy(*logs(5, 2_000)).thin.any()


def test_where_nothing_overlaps_nothing_is_known() -> None:
    reward = np.ones(200)
    found = off_policy(reward, reward / 2, reward * 0)

    assert (0, 0, True) == (found.ips.mean, found.effective, bool(found.thin))
    assert np.isnan(found.snips.mean)


@pytest.mark.parametrize(
    "reward, logged, wanted",
    [
        ([1.0], [1.0], [1.0]),
        ([1.0, 1.0], [0.5, 0.0], [0.5, 0.5]),
        ([1.0, 1.0], [0.5, 0.5], [0.5, 1.5]),
        ([1.0, np.nan], [0.5, 0.5], [0.5, 0.5]),
        ([1.0, 1.0], [0.5, 0.5], [0.5]),
    ],
)
def test_what_is_no_log_is_refused(
    reward: list[float], logged: list[float], wanted: list[float]
) -> None:
    with pytest.raises(ValueError, match=r"samples|chance"):
        off_policy(*(np.array(values) for values in (reward, logged, wanted)))
