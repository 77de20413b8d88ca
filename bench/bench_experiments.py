"""Whether an honest statistician would sign what is said of experiments.

Experiments are simulated by the thousand where the truth is known: nothing differs, a lift of three
per cent, a log whose other configuration has a known worth. Users have listened before (the
covariate) and are as unequal as listeners are (gamma). Cookie Cats is a real one.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from math import sqrt
from time import perf_counter

import numpy as np
from scipy import stats

from bench.experiment_latency import latency
from bench.harness import Bar, Outcome, Row, bar, datasets
from core.arrays import F64
from service.domain import Experiment, Variant
from service.experiments.allocation_check import check_allocation
from service.experiments.assignment import assign, claim
from service.experiments.effect import Estimate, effect
from service.experiments.off_policy import off_policy
from service.experiments.planning import plan
from service.experiments.sequence import sequence
from service.experiments.sums import Sums, sums

DAYS, A_DAY = 14, 50  # of an A/A experiment; users of one arm
AT_ONCE = 200  # experiments held at a time
LIFT = 0.03
REWARDS = np.array([0.1, 0.3, 0.6])
OLD, NEW = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
SAMPLES = 2_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ARMS = (Variant(name="control", weight=2), Variant(name="one"), Variant(name="other"))


def experiments(*, quick: bool) -> Outcome:
    """False alarms, power, coverage, agreement and cost."""
    fewer = 20 if quick else 1
    rows, bars = [], []
    for found in (
        _same(10_000 // fewer),
        _covariate(1_000 // fewer),
        _power(2_000 // fewer),
        _off_policy(2_000 // fewer),
        _published(),
        _assignment(1_000_000 // fewer),
        latency(rounds=1 if quick else 30),
    ):
        rows.append(found[0])
        bars += found[1]
    return Outcome(rows=rows, bars=bars, params={"days": DAYS, "users a day per arm": A_DAY})


BENCHES = {"experiments": experiments}
Found = tuple[Row, list[Bar]]


def _same(runs: int) -> Found:
    """A/A: how often something is found where there is nothing."""
    rng, p, ever = np.random.default_rng(1), list[F64](), 0
    for _ in range(runs // AT_ONCE or 1):
        daily = [sums(rng.gamma(2, 1, (AT_ONCE, DAYS, A_DAY))) for _ in range(2)]
        seen = np.zeros(AT_ONCE, bool)
        for control, variant in zip(*map(_so_far, daily), strict=True):
            low, high = sequence(control, variant, planned=DAYS * A_DAY)
            seen |= (low > 0) | (high < 0)
        ever += int(seen.sum())
        p.append(effect(control, variant).p)
    every = np.concatenate(p)
    once, peeked = 100 * (every < 0.05).mean(), 100 * ever / every.size
    even = float(stats.kstest(every, "uniform").pvalue)
    values = {"one look %": once, "every day %": peeked, "KS p": even, "runs": every.size}
    return Row(name="nothing differs", values=_rounded(values)), [
        bar("A/A, one look, false alarms %", once, ">=", 4),
        bar("A/A, one look, at most %", once, "<=", 6),
        bar("A/A, a look every day, false alarms %", peeked, "<=", 5),
        bar("A/A, p-values uniform, KS p", even, ">=", 0.01),
    ]


def _so_far(daily: Sums) -> Iterator[Sums]:
    """The sums up to each day; every field is (runs, days)."""
    fields = {name: np.asarray(getattr(daily, name)) for name in Sums.__struct_fields__}
    for day in range(1, DAYS + 1):
        yield Sums(
            **{name: day * of if name == "n" else of[:, :day].sum(1) for name, of in fields.items()}
        )


def _covariate(runs: int) -> Found:
    """What is left of the variance beside 1 - rho², which is what theory leaves."""
    rng, slope = np.random.default_rng(2), 0.7
    left = 1 - slope**2 / (slope**2 + 1)  # what was before, and what is new, vary alike
    ratios, plainly, adjusted = list[float](), list[float](), list[float]()
    for _ in range(runs):
        before = rng.gamma(2, 1, (2, 500))
        now = slope * before + rng.gamma(2, 1, before.shape)
        plain = effect(sums(now[0]), sums(now[1]))
        known = effect(sums(now[0], x=before[0]), sums(now[1], x=before[1]))
        ratios.append(float(known.error**2 / plain.error**2) / left)
        plainly.append(float(plain.difference))
        adjusted.append(float(known.difference))
    off = 100 * abs(float(np.mean(ratios)) - 1)
    spread = float(np.var(adjusted) / np.var(plainly) / left)
    values = {
        "said / (1 - rho²)": float(np.mean(ratios)),
        "seen / (1 - rho²)": spread,
        "runs": runs,
    }
    return Row(name="CUPED", values=_rounded(values)), [
        bar("CUPED, variance off 1 - rho², %", off, "<=", 5)
    ]


def _power(runs: int) -> Found:
    """A known lift of three per cent, with the users that were planned."""
    rng, found = np.random.default_rng(3), list[bool]()
    asked = plan(Estimate(2.0, 2.0, 1_000), LIFT, users_a_day=1_000)
    for _ in range(runs):
        control, variant = rng.gamma(2, 1, asked.control), rng.gamma(2, 1 + LIFT, asked.variant)
        found.append(bool(effect(sums(control), sums(variant)).p < 0.05))
    power = 100 * float(np.mean(found))
    values = {"found %": power, "users": asked.control + asked.variant, "runs": runs}
    return Row(name="lift of 3 %, planned for 80 %", values=_rounded(values)), [
        bar("power off the plan, points", abs(power - 80), "<=", 5)
    ]


def _off_policy(runs: int) -> Found:
    """How often the intervals hold what the other configuration is worth."""
    rng, truth = np.random.default_rng(4), float(REWARDS @ NEW)
    held: dict[str, list[bool]] = {"ips": [], "snips": []}
    for _ in range(runs):
        chosen = rng.choice(3, SAMPLES, p=OLD)
        reward = (rng.random(SAMPLES) < REWARDS[chosen]).astype(np.float64)
        found = off_policy(reward, OLD[chosen], NEW[chosen])
        for name, kept in held.items():
            value = getattr(found, name)
            kept.append(bool(value.low <= truth <= value.high))
    covered = {name: 100 * float(np.mean(kept)) for name, kept in held.items()}
    values = {f"{name} held %": value for name, value in covered.items()} | {"runs": runs}
    return Row(name="off-policy", values=_rounded(values)), [
        each
        for name, value in covered.items()
        for each in (
            bar(f"{name}, 95 % intervals hold, %", value, ">=", 93),
            bar(f"{name}, at most %", value, "<=", 97),
        )
    ]


def _published() -> Found:
    """Cookie Cats: agreement to 1e-9 with tea-tasting is a test; here is what is said of it."""
    stayed: dict[str, list[float]] = {"gate_30": [], "gate_40": []}
    with (datasets() / "cookie_cats" / "cookie_cats.csv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines, delimiter=";"):
            stayed[line["version"]].append(float(line["retention_7"] == "TRUE"))
    control, variant = (np.array(stayed[name]) for name in ("gate_30", "gate_40"))
    found = effect(sums(control), sums(variant))
    split = check_allocation([control.size, variant.size], [1, 1])
    values = {"lift %": 100 * float(found.lift), "p": float(found.p), "split p": split.p}
    return Row(name=f"Cookie Cats, day 7, split: {split.verdict}", values=_rounded(values)), [
        bar("Cookie Cats, the split warns, p", split.p, "<=", 0.01),
        bar("Cookie Cats, and does not alarm, p", split.p, ">=", 0.001),
    ]


def _assignment(users: int) -> Found:
    """The time of one assignment, the shares, and whether two layers know of each other."""
    one, other = (
        claim(
            Experiment(name=name, variants=ARMS, status="running", allocation=1.0, layer=name), []
        )
        for name in ("one", "other")
    )
    names = [f"user{number}" for number in range(users)]
    table = np.zeros((3, 3))
    start = perf_counter()
    firsts = [assign(one, name, {}, NOW) for name in names]
    took_us = (perf_counter() - start) / users * 1e6
    for name, first in zip(names, firsts, strict=True):
        second = assign(other, name, {}, NOW)
        if first is not None and second is not None:
            table[ARMS.index(first), ARMS.index(second)] += 1
    shares = np.array([arm.weight for arm in ARMS]) / sum(arm.weight for arm in ARMS)
    off = max(
        abs(count - users * share) / sqrt(users * share * (1 - share))
        for counts in (table.sum(0), table.sum(1))
        for count, share in zip(counts, shares, strict=True)
    )
    p = float(stats.chi2_contingency(table).pvalue)
    values = {"µs": took_us, "sigma off": off, "layers, chi² p": p, "users": users}
    return Row(name="assignment", values=_rounded(values)), [
        bar("assignment, µs", took_us, "<=", 5),
        bar("share off, sigma", off, "<=", 4),
        bar("two layers independent, chi² p", p, ">=", 0.01),
    ]


def _rounded(values: dict[str, float]) -> dict[str, float | int | str]:
    return {name: float(f"{value:.4g}") for name, value in values.items()}
