"""Whether what is played is still like what was: hour by hour.

Each audio feature of the plays of an hour is a histogram of `BINS`. Its distance to the reference
is measured twice, as TFDV does (Breck et al., "Data validation for machine learning", 2019): the
greatest difference of a share (L∞), and the Jensen-Shannon distance. The mean error of predictions
is watched the same way: plays that the factors did not expect.

The reference are the hours of the last two weeks that lie near on the clock, since people hear
something else at night. By chance a small hour lies far away: it alarms when its distance lies
`FAR` deviations above the mean of the distances of hours before.
"""

from collections import deque
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.arrays import F64, I64
from service import metrics
from service.domain import FEATURES

BINS = 10
HOUR = timedelta(hours=1)
HOURS = 24 * 14
"""Hours of the reference: two weeks, so that the days of a week are in it alike."""
NEAR = 2
"""Hours on the clock, before and after."""
LEAST_HOURS = 24
"""Before a whole day is known nothing is judged: a night is not a shift."""
LEAST_PLAYS = 50
FAR = 6.0
SLACK = 0.02
"""Added to a deviation: where hours hardly differ, a hundredth more is no alarm."""
ERROR = "error"


class Drift:
    """The hour that runs, and the hours before it that it is compared with."""

    def __init__(self) -> None:
        self._hour: int | None = None
        self._counts = np.zeros((len(FEATURES), BINS), np.int64)
        self._errors = np.zeros(2)  # their sum, and how many there are
        self._past: deque[tuple[int, I64]] = deque(maxlen=HOURS)
        self._distances: dict[str, deque[float]] = {
            name: deque(maxlen=HOURS) for name in (*FEATURES, ERROR)
        }
        self.alarms: list[str] = []  # what the last whole hour was too far away in

    def note(
        self, at: datetime, features: NDArray[np.float32], errors: NDArray[np.float32]
    ) -> None:
        """Count plays that came at this time; an hour is judged when the next one begins.

        Args:
            at: When they came, not when they were played.
            features: float32 (m, 9), 0..1, NaN where unknown: of the tracks that were played.
            errors: float32 (e,): how far off the prediction of each was, as far as there was one.
        """
        hour = int(at.timestamp()) // 3_600
        if self._hour is not None and hour > self._hour:
            self._judge(self._hour)
        self._hour = hour if self._hour is None else max(hour, self._hour)
        known = np.isfinite(features)
        bins = np.clip((np.nan_to_num(features) * BINS).astype(np.int64), 0, BINS - 1)
        cells = (bins + BINS * np.arange(len(FEATURES)))[known]
        self._counts += np.bincount(cells, minlength=self._counts.size).reshape(-1, BINS)
        self._errors += np.nansum(errors, dtype=np.float64), np.isfinite(errors).sum()

    def _judge(self, hour: int) -> None:
        counts, errors = self._counts, self._errors
        self._counts, self._errors = np.zeros_like(counts), np.zeros(2)
        if counts.sum(axis=1).max() < LEAST_PLAYS:
            return
        self.alarms = []
        near = [before for then, before in self._past if (then - hour + NEAR) % 24 <= 2 * NEAR]
        if near:
            self._compare(counts, np.sum(near, axis=0))
        if errors[1]:
            mean = float(errors[0] / errors[1])
            metrics.PREDICTION_ERROR.set(mean)
            self._weigh(ERROR, mean)
        self._past.append((hour, counts))

    def _compare(self, counts: I64, reference: I64) -> None:
        for name, now, before in zip(FEATURES, counts, reference, strict=True):
            if now.sum() < LEAST_PLAYS or before.sum() < LEAST_PLAYS:
                continue
            one, other = now / now.sum(), before / before.sum()
            apart = jensen_shannon(one, other)
            metrics.DRIFT.labels(name, "linf").set(float(np.abs(one - other).max()))
            metrics.DRIFT.labels(name, "jensen_shannon").set(apart)
            self._weigh(name, apart)

    def _weigh(self, name: str, value: float) -> None:
        """Alarm if it is far above what it was; what alarms is no measure for later hours."""
        before = self._distances[name]
        if len(before) >= LEAST_HOURS:
            mean, spread = float(np.mean(before)), float(np.std(before))
            if value > mean + FAR * (spread + SLACK * mean):
                self.alarms.append(name)
                metrics.DRIFT_ALARMS.labels(name).inc()
                return
        before.append(value)


def jensen_shannon(one: F64, other: F64) -> float:
    """Distance of two distributions, 0 to 1: the root of their divergence in bits."""
    middle = (one + other) / 2
    divergence = (_relative(one, middle) + _relative(other, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def _relative(one: F64, other: F64) -> float:
    some = (one > 0) & (other > 0)  # half of the least number there is is 0
    return float((one[some] * np.log2(one[some] / other[some])).sum())
