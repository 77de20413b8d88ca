"""What is said of sums whose right answer is known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from service.domain import Experiment, Guardrail, Variant
from service.experiments.metrics import METRICS, Tally
from service.experiments.report import (
    PLANNED,
    Comparison,
    Report,
    comparable,
    guardrails,
    report,
)
from service.experiments.sequence import half_width, sequence
from service.experiments.sums import NOTHING, Sums, sums

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=2)
SKIPS = Guardrail(metric="skip_rate", most_loss=0.1)
PLAYS = Guardrail(metric="plays", most_loss=0.1)
NEW = Variant(name="new")
EXPERIMENT = Experiment(
    name="one",
    variants=(Variant(name="control"), NEW),
    status="running",
    starts=START,
    guardrails=(SKIPS,),
)
THREE = structs.replace(EXPERIMENT, variants=(*EXPERIMENT.variants, Variant(name="bold")))


def users(mean: float, n: int = 2_000, apart: float = 0.1) -> Sums:
    """Half of them this far below the mean, half above."""
    return sums(mean + np.tile([-apart, apart], n // 2))


def tally(*counts: int, **arms: list[Sums]) -> Tally:
    """Nothing of any metric but these; `counts` are users per arm, 2,000 each by default."""
    number = max([len(counts) or 2, *map(len, arms.values())])
    found = {name: [NOTHING] * number for name in METRICS}
    came = counts or (2_000,) * number
    return found | {"sessions": [sums(np.full(n, 3.0)) if n else NOTHING for n in came]} | arms


def made(found: Tally, experiment: Experiment = EXPERIMENT, **more: Any) -> Report:
    shown = [np.array([3, 1, 0, 0])] * len(experiment.variants)
    given: dict[str, Any] = {"cuts": [(NOW, found)], "shown": shown, "as_of": NOW}
    return report(experiment, **(given | more))


def of(found: Report, metric: str, variant: str = "new") -> Comparison:
    (one,) = (x for x in found.comparisons if (x.metric, x.variant) == (metric, variant))
    return one


@pytest.mark.parametrize(
    "metric, variant, kind",
    [
        ("plays", 0.3, "better"),
        ("plays", 0.1, "worse"),
        ("skip_rate", 0.3, "worse"),
        ("skip_rate", 0.1, "better"),
        ("latency", 0.3, "worse"),
        ("plays", 0.2, "no difference"),
    ],
)
def test_a_big_difference_is_better_or_worse_as_the_metric_is_meant(metric, variant, kind) -> None:
    arms = [users(0.2, n=40_000), users(variant, n=40_000)]
    found = of(made(tally(**{metric: arms})), metric)

    assert kind == found.verdict.kind
    assert [0.2, variant] == pytest.approx([found.control_value, found.variant_value])
    assert variant / 0.2 - 1 == pytest.approx(found.lift, abs=1e-12)


def test_few_users_say_nothing_yet_and_how_many_more_would() -> None:
    found = of(made(tally(plays=[users(0.2, n=20), users(0.21, n=20)])), "plays")

    needed = (1.96 + 0.8416) ** 2 * 2 * 0.01 * 20 / 19 / (0.2 * 0.03) ** 2
    assert "not yet" == found.verdict.kind
    assert 20 == found.users
    assert needed == pytest.approx(found.planned, rel=0.01)
    assert f"{found.planned - 20:,} more users" in found.verdict.text


def test_the_interval_is_the_one_that_holds_at_every_look() -> None:
    found = of(made(tally(plays=[users(0.2), users(0.3)])), "plays")

    error = np.sqrt(2 * 0.01 * 2_000 / 1_999 / 2_000)
    within = half_width(error, 2_000, planned=PLANNED)
    low, high = 0.1 - within, 0.1 + within
    assert (low, high) == pytest.approx(found.interval)
    assert (low / 0.2, high / 0.2) == pytest.approx(found.lift_interval)
    assert within > 1.96 * error


def test_a_control_of_nothing_has_no_lift() -> None:
    found = of(made(tally(rating=[users(0.0, apart=0.0), users(0.2)])), "rating")

    assert (None, None, 0) == (found.lift, found.lift_interval, found.planned)
    assert 0.2 == pytest.approx(found.difference)
    assert "better" == found.verdict.kind
    assert "from 0" in found.verdict.text


def test_of_whom_nothing_is_known_nothing_is_compared() -> None:
    nobody = made(tally(0, 0))
    one_each = made(tally(1, 1, plays=[sums(np.ones(1))] * 2))

    assert [] == nobody.comparisons == one_each.comparisons
    assert ["not yet"] == [one.state for one in nobody.guardrails]
    assert {} == nobody.days[0].lifts


def alarms() -> int:
    """Of 400 experiments where nothing differs, how many were called one at some look."""
    rng, found = np.random.default_rng(7), 0
    for came_back in (rng.random((400, 2, 50)) < 0.3).astype(float):
        arms = ([sums(arm[:n]) for arm in came_back] for n in (2, 3, 4, 5, 7, 10, 20, 50))
        found += any(
            low > 0 or high < 0
            for low, high in (
                sequence(*pair, planned=PLANNED) for pair in arms if comparable(*pair)
            )
        )
    return found


def test_a_handful_of_users_who_happen_to_be_alike_are_no_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert alarms() <= 0.03 * 400
    monkeypatch.setattr("service.experiments.report.FEWEST", 2)
    assert alarms() > 0.05 * 400  # the control


@pytest.mark.parametrize(
    "control, variant, n, state, loss",
    [
        (0.2, 0.2, 2_000, "holds", 0.0),
        (0.2, 0.1, 2_000, "holds", -0.5),
        (0.2, 0.4, 2_000, "breached", 1.0),
        (0.2, 0.222, 2_000, "not yet", 0.11),
        (0.2, 0.2, 20, "not yet", 0.0),
    ],
)
def test_a_guardrail_is_breached_only_when_it_is_sure(control, variant, n, state, loss) -> None:
    found = tally(skip_rate=[users(control, n), users(variant, n)])
    (of_skips,) = guardrails(EXPERIMENT, found)

    assert ("skip_rate", "new", 0.1, state) == (
        of_skips.metric,
        of_skips.variant,
        of_skips.most_loss,
        of_skips.state,
    )
    assert loss == pytest.approx(of_skips.loss, abs=1e-9)
    assert of_skips.interval is not None
    assert loss == pytest.approx(sum(of_skips.interval) / 2, abs=1e-9)


def test_of_what_should_be_more_less_is_the_loss() -> None:
    guarded = structs.replace(EXPERIMENT, guardrails=(PLAYS,))
    less, more = (
        guardrails(guarded, tally(plays=[users(0.4), users(mean)]))[0] for mean in (0.2, 0.8)
    )

    assert ("breached", "holds") == (less.state, more.state)
    assert [0.5, -1.0] == pytest.approx([less.loss, more.loss])


@pytest.mark.parametrize("control", [NOTHING, users(0.0, apart=0.0), sums(np.ones(1))])
def test_without_a_control_to_lose_against_a_guardrail_waits(control: Sums) -> None:
    (found,) = guardrails(EXPERIMENT, tally(skip_rate=[control, users(0.4)]))

    assert ("not yet", None, None) == (found.state, found.loss, found.interval)


def test_every_variant_is_held_to_every_guardrail() -> None:
    guarded = structs.replace(THREE, guardrails=(SKIPS, PLAYS))
    found = guardrails(
        guarded,
        tally(skip_rate=[users(0.2), users(0.4), users(0.2)], plays=[users(4), users(4), users(2)]),
    )

    assert [
        ("new", "skip_rate", "breached"),
        ("new", "plays", "holds"),
        ("bold", "skip_rate", "holds"),
        ("bold", "plays", "breached"),
    ] == [(one.variant, one.metric, one.state) for one in found]


def test_after_an_odd_split_no_figure_is_to_be_trusted() -> None:
    arms = [users(0.2), users(0.3)]
    odd, even = made(tally(2_000, 1_700, plays=arms)), made(tally(2_000, 1_990, plays=arms))

    assert "alarm" == odd.allocation_check.verdict
    assert {"not to be trusted"} == {one.verdict.kind for one in odd.comparisons}
    assert ("ok", "better") == (even.allocation_check.verdict, of(even, "plays").verdict.kind)
    uneven = structs.replace(EXPERIMENT, variants=(Variant(name="control", weight=20 / 17), NEW))
    assert "ok" == made(tally(2_000, 1_700, plays=arms), uneven).allocation_check.verdict


def test_a_variant_that_gets_no_users_any_more_makes_no_split_odd() -> None:
    counts = 2_000, 400, 1_990
    arms = [users(0.2), users(0.3, 400), users(0.3)]
    halted = made(tally(*counts, plays=arms), structs.replace(THREE, halted={"new": "hurts"}))
    running = made(tally(*counts, plays=arms), THREE)

    assert ("ok", "better") == (halted.allocation_check.verdict, of(halted, "plays").verdict.kind)
    assert "alarm" == running.allocation_check.verdict  # the control
    over = structs.replace(THREE, halted={"new": "hurts", "bold": "hurts"}, status="stopped")
    assert "ok" == made(tally(*counts, plays=arms), over).allocation_check.verdict
    odd = made(tally(2_000, 400, 1_700, plays=arms), over)
    assert "alarm" == odd.allocation_check.verdict


def test_several_metrics_are_several_chances_to_be_wrong() -> None:
    lifts = {"plays": 0.2095, "rating": 0.208, "diversity": 0.206}
    found = made(tally(**{name: [users(0.2), users(mean)] for name, mean in lifts.items()}))

    p = {one.metric: one.p for one in found.comparisons}
    adjusted = {one.metric: one.p_adjusted for one in found.comparisons}
    assert all(adjusted[name] >= p[name] for name in p)
    assert 4 * p["plays"] == pytest.approx(adjusted["plays"])  # sessions are the fourth
    assert 3 * p["rating"] == pytest.approx(adjusted["rating"])
    alone = of(made(tally(plays=[users(0.2), users(0.2095)])), "plays")
    assert alone.p == pytest.approx(p["plays"])
    assert alone.p_adjusted < adjusted["plays"]


def test_arms_in_figures() -> None:
    clicks = [sums(np.array([1.0, 0.0, 2.0]), np.full(3, 4.0)), NOTHING]
    shown = [np.array([3, 1, 0, 0]), np.zeros(4, np.int64)]
    halted = structs.replace(EXPERIMENT, halted={"new": "hurts"})
    control, new = made(tally(3, 0, click_through=clicks), halted, shown=shown).arms

    assert ("control", 3, None) == (control.name, control.users, control.halted)
    assert (12, 3, 0.5) == (control.lists, control.clicked, control.coverage)
    assert ("new", 0, "hurts", 0.0, None) == (
        new.name,
        new.users,
        new.halted,
        new.coverage,
        new.gini,
    )


def test_every_day_has_what_was_known_then() -> None:
    days = [START + timedelta(days=day) for day in (1, 2)]
    sooner = tally(20, 20, plays=[users(0.2, 20), users(0.3, 20)])
    later = tally(plays=[users(0.2), users(0.25)])
    found = made(later, cuts=list(zip(days, [sooner, later], strict=True)))

    assert days == [day.at for day in found.days]
    lifts = [day.lifts["plays"]["new"] for day in found.days]
    assert [0.5, 0.25] == pytest.approx([lift for lift, _, _ in lifts])
    assert of(found, "plays").lift_interval == pytest.approx(lifts[1][1:])
    widths = [high - low for _, low, high in lifts]
    assert widths[0] > 5 * widths[1]
