"""Effects against tea-tasting, which computes the same from data frames."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.experiments.allocation_check import check_allocation
from service.experiments.effect import effect
from service.experiments.sums import Sums, sums

VALUE = st.floats(0, 100, width=32).map(lambda value: round(float(value), 3))
USERS = arrays(np.float64, st.integers(2, 40), elements=VALUE)


def arms(rng: np.random.Generator, users: int) -> list[np.ndarray]:
    """What three values of every user are, of which the first two follow the third."""
    before = rng.gamma(2.0, 3.0, users)
    lists = 1 + rng.poisson(3 + before / 2).astype(np.float64)
    return [rng.binomial(lists.astype(int), 0.3) + before / 5, lists, before]


def told(metric: tt.metrics.MetricBase, names: str, control: list, variant: list) -> Any:
    columns = {
        name: np.concatenate([one, other])
        for name, one, other in zip(names, control, variant, strict=True)
    }
    columns["variant"] = np.repeat([0, 1], [len(control[0]), len(variant[0])])
    return tt.Experiment(found=metric).analyze(pa.table(columns))["found"]


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_as_tea_tasting(ratio: bool, covariate: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    control, variant = arms(rng, 300), arms(rng, 200 + seed)
    one = np.ones(300), np.ones(200 + seed)
    known = (
        tt.RatioOfMeans("y", "z", "x" if covariate else None, "one" if covariate else None)
        if ratio
        else tt.Mean("y", "x" if covariate else None)
    )
    expected = told(known, ["y", "z", "x", "one"], [*control, one[0]], [*variant, one[1]])  # type: ignore[arg-type]

    found = effect(
        *(sums(y, z if ratio else None, x if covariate else None) for y, z, x in (control, variant))
    )

    np.testing.assert_allclose(
        [found.control, found.variant, found.difference, found.low, found.high, found.p],
        [
            expected.control,
            expected.treatment,
            expected.effect_size,
            expected.effect_size_ci_lower,
            expected.effect_size_ci_upper,
            expected.pvalue,
        ],
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        [found.lift, found.lift_low, found.lift_high],
        [
            expected.rel_effect_size,
            expected.rel_effect_size_ci_lower,
            expected.rel_effect_size_ci_upper,
        ],
        rtol=1e-9,
    )


def test_a_published_experiment(datasets: Path) -> None:
    """Cookie Cats: moving the gate to level 40 cost retention on day 7, and the split is odd."""
    stayed: dict[str, list[float]] = {"gate_30": [], "gate_40": []}
    with (datasets / "cookie_cats" / "cookie_cats.csv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines, delimiter=";"):
            stayed[line["version"]].append(float(line["retention_7"] == "TRUE"))
    control, variant = (np.array(stayed[name]) for name in ("gate_30", "gate_40"))
    expected = told(tt.Mean("y"), ["y"], [control], [variant])  # type: ignore[arg-type]

    found = effect(sums(control), sums(variant))
    split = check_allocation([control.size, variant.size], [1, 1])

    np.testing.assert_allclose(
        [found.difference, found.low, found.high, found.p],
        [
            expected.effect_size,
            expected.effect_size_ci_lower,
            expected.effect_size_ci_upper,
            expected.pvalue,
        ],
        rtol=1e-9,
    )
    assert (0.1902, 0.1820) == (round(found.control, 4), round(found.variant, 4))
    assert (0.0086, "warning") == (round(split.p, 4), split.verdict)


def test_known_answer() -> None:
    """Means 2 and 3, both with variance 1 and three users: the error is sqrt(2/3)."""
    found = effect(sums(np.array([1.0, 2, 3])), sums(np.array([2.0, 3, 4])))

    assert (2, 3, 1, 0.5) == (found.control, found.variant, found.difference, found.lift)
    np.testing.assert_allclose(found.error, np.sqrt(2 / 3))
    np.testing.assert_allclose(found.high, 1 + 2.7764451 * np.sqrt(2 / 3), rtol=1e-7)


@settings(max_examples=500, deadline=None)
@given(one=USERS, other=USERS)
def test_sums_add_up_wherever_they_were_counted(one: np.ndarray, other: np.ndarray) -> None:
    apart = sums(one, one + 1, one * 2) + sums(other, other + 1, other * 2)
    both = np.concatenate([one, other])
    together = sums(both, both + 1, both * 2)

    for name in Sums.__struct_fields__:
        np.testing.assert_allclose(getattr(apart, name), getattr(together, name), rtol=1e-12)


@settings(max_examples=500, deadline=None)
@given(one=USERS, other=USERS)
def test_turned_round_the_difference_is_the_other_way(one: np.ndarray, other: np.ndarray) -> None:
    there, back = effect(sums(one), sums(other)), effect(sums(other), sums(one))

    assert there.low <= there.difference <= there.high
    assert 0 <= there.p <= 1
    np.testing.assert_allclose([there.low, there.high], [-back.high, -back.low], atol=1e-9)
    np.testing.assert_allclose(there.p, back.p, atol=1e-9)


def test_many_experiments_at_once_are_each_their_own() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(1, 1, (4, 50)), rng.normal(1, 1, (4, 60))
    together = effect(sums(one), sums(other))

    for row in range(4):
        alone = effect(sums(one[row]), sums(other[row]))
        np.testing.assert_allclose(together.p[row], alone.p)
        np.testing.assert_allclose(together.lift_low[row], alone.lift_low)


def test_nobody_differs_from_nobody() -> None:
    found = effect(sums(np.zeros(3)), sums(np.zeros(3)))

    assert (0, 1) == (found.difference, found.p)
    assert np.isnan(found.lift)


@pytest.mark.parametrize(
    "values", [np.empty(0), np.array([np.nan]), np.array([np.inf, 1]), np.array(1.0)]
)
def test_values_that_are_none_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="values must be"):
        sums(values)


def test_one_user_says_nothing() -> None:
    with pytest.raises(ValueError, match="two users"):
        effect(sums(np.ones(1)), sums(np.ones(5)))
    with pytest.raises(ValueError, match="level"):
        effect(sums(np.ones(5)), sums(np.ones(5)), level=1.0)
