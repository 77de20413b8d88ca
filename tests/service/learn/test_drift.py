"""Drift: a shift is seen within two hours, and thirty days as always alarm once at most."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prometheus_client import REGISTRY

from service.domain import FEATURES
from service.learn.drift import HOUR, LEAST_HOURS, LEAST_PLAYS, Drift, jensen_shannon
from tests.service.given import NOON

SHARES = arrays(np.float64, 6, elements=st.floats(0.0, 1.0)).filter(lambda one: one.sum() > 0.1)


class Radio:
    """Plays of ordinary hours: more by day, calmer at night, some tracks without features."""

    def __init__(self, seed: int) -> None:
        self.rng, self.drift, self.hour = np.random.default_rng(seed), Drift(), 0

    def play(
        self, hours: int, *, shift: float = 0.0, feature: int = 1, error: float = 0.5
    ) -> list[list[str]]:
        """So many hours; what each of them was too far away in."""
        alarms = []
        for _ in range(hours):
            calm = 0.1 * np.cos(2 * np.pi * self.hour / 24)
            count = int(self.rng.poisson(300 * (1.2 + 5 * calm)))
            features = self.rng.beta(4, 4, (count, len(FEATURES))).astype(np.float32)
            features[:, 0] = np.clip(features[:, 0] - calm, 0, 1)
            features[:, feature] = np.clip(features[:, feature] + shift, 0, 1)
            features[self.rng.random(count) < 0.1] = np.nan
            errors = np.abs(self.rng.normal(error, 0.2, count)).astype(np.float32)
            at = NOON + self.hour * HOUR
            for part in (slice(0, 100), slice(100, count)):
                self.drift.note(at, features[part], errors[part])
            self.hour += 1
            self.drift.note(at + HOUR, features[:0], errors[:0])  # the next hour begins
            alarms.append(list(self.drift.alarms))
        return alarms


@pytest.mark.parametrize("seed", [1, 2])
def test_thirty_days_as_always_alarm_once_at_most(seed: int) -> None:
    alarms = Radio(seed).play(30 * 24)

    assert sum(map(len, alarms)) <= 1


@pytest.mark.parametrize("feature", range(len(FEATURES)))
def test_a_shift_is_found_within_two_hours_and_says_in_what(feature: int) -> None:
    radio = Radio(feature)
    radio.play(3 * 24)

    alarms = radio.play(2, shift=0.25, feature=feature)

    assert FEATURES[feature] in alarms[0] + alarms[1]
    assert {FEATURES[feature]} >= {name for hour in alarms for name in hour}


def test_predictions_that_got_worse_are_found_within_two_hours() -> None:
    radio = Radio(1)
    radio.play(3 * 24)

    assert ["error"] in radio.play(2, error=0.8)


def test_a_shift_that_stays_is_told_as_long_as_it_is_one() -> None:
    """What alarms is not taken for usual, so the alarm does not end by itself within a day."""
    radio = Radio(1)
    radio.play(5 * 24)

    assert all("energy" in hour for hour in radio.play(24, shift=0.2))


def test_a_quiet_hour_is_not_judged() -> None:
    radio = Radio(1)
    radio.play(LEAST_HOURS + 2)
    far = np.ones((LEAST_PLAYS - 1, len(FEATURES)), np.float32)
    radio.drift.note(NOON + radio.hour * HOUR, far, far[:, 0])
    radio.drift.note(NOON + (radio.hour + 1) * HOUR, far[:0], far[:0, 0])

    assert [] == radio.drift.alarms


def test_plays_that_come_late_count_in_the_hour_that_runs() -> None:
    drift = Drift()
    one = np.full((LEAST_PLAYS, len(FEATURES)), 0.5, np.float32)
    for minutes in (0, -120, 60, 0, 120):
        drift.note(NOON + timedelta(minutes=minutes), one, one[:, 0])

    assert [] == drift.alarms


def test_the_figures_are_gauges() -> None:
    radio = Radio(1)
    radio.play(3, shift=0.3)
    labels = {"feature": "energy", "distance": "linf"}

    found = REGISTRY.get_sample_value("echotune_drift", labels)

    assert found is not None
    assert 0 < found < 0.2
    assert REGISTRY.get_sample_value("echotune_prediction_error") == pytest.approx(0.5, abs=0.05)


def test_distance_known_answers() -> None:
    same, apart = np.array([0.5, 0.5, 0]), np.array([0, 0, 1.0])

    assert 0 == jensen_shannon(same, same)
    assert jensen_shannon(same, apart) == pytest.approx(1)
    assert 0 == jensen_shannon(np.array([1.0, 0]), np.array([1.0, 5e-324]))  # the least number


@settings(max_examples=100)
@given(SHARES, SHARES)
def test_distance_is_one_for_both_and_at_most_one(one, other) -> None:
    one, other = one / one.sum(), other / other.sum()

    assert 0 <= jensen_shannon(one, other) <= 1 + 1e-9
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one), abs=1e-7)
