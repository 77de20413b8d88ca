"""All that can honestly be said of an experiment, as of now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import numpy as np
from msgspec import Struct

from core.evaluation import gini
from service.domain import Experiment, Guardrail
from service.experiments.allocation_check import AllocationCheck, check_allocation
from service.experiments.effect import Effect, effect, estimates
from service.experiments.metrics import METRICS, Tally
from service.experiments.planning import plan
from service.experiments.sequence import sequence
from service.experiments.several import holm
from service.experiments.sums import Sums
from service.experiments.verdict import Verdict, verdict

PLANNED = 500
"""Users per arm at which intervals are narrowest; fixed, since nobody may choose it afterwards."""
MATTERS = 0.03
"""The smallest lift worth having: what "no difference" and "not yet" are measured by."""
FEWEST = 5
"""Users of an arm before anything is said of it: two who came back against two who did not have no
variance. With 2, looking all the time called 9.2 % of equal arms different; with 5, 0.9 %."""
LEVEL = 0.95
Interval = tuple[float, float]


class Comparison(Struct, frozen=True, kw_only=True):
    """One metric of one variant against the control."""

    metric: str
    unit: str
    variant: str
    control_value: float
    variant_value: float
    difference: float
    interval: Interval  # of the difference; holds at every look
    lift: float | None  # relative to the control; None where that is 0
    lift_interval: Interval | None  # likewise for every look
    p: float  # for a single look
    p_adjusted: float  # for all metrics together, by Holm
    users: int  # of the smaller arm
    planned: int  # users per arm that find a lift of `MATTERS` in 4 of 5 experiments
    verdict: Verdict


class GuardrailState(Struct, frozen=True, kw_only=True):
    """Whether a variant loses more than it may."""

    metric: str
    variant: str
    most_loss: float
    loss: float | None  # relative; below 0 is a gain; None while nothing is known
    interval: Interval | None
    state: Literal["not yet", "holds", "breached"]


class Arm(Struct, frozen=True, kw_only=True):
    """A variant in figures that are not compared."""

    name: str
    weight: float
    users: int
    halted: str | None  # why it was taken from its users
    lists: int
    clicked: int
    plays: int
    returned: int  # users who came back in the second week
    coverage: float  # of the catalogue, by what it showed
    gini: float | None  # of what it showed; None before anything was


class Day(Struct, frozen=True, kw_only=True):
    """What was known at a time: by metric and variant, lift and its interval."""

    at: datetime
    lifts: dict[str, dict[str, tuple[float, float, float]]]


class Report(Struct, frozen=True, kw_only=True):
    """Of one experiment. Intervals hold however often it is read."""

    name: str
    status: str
    halted: dict[str, str]
    as_of: datetime
    started: datetime | None
    ends: datetime | None
    allocation: float
    allocation_check: AllocationCheck
    arms: list[Arm]
    comparisons: list[Comparison]
    guardrails: list[GuardrailState]
    days: list[Day]


def report(
    experiment: Experiment,
    cuts: Sequence[tuple[datetime, Tally]],
    shown: Sequence[np.ndarray],
    *,
    as_of: datetime,
) -> Report:
    """Put a report together.

    Args:
        experiment: What was tried.
        cuts: Sums up to each of these times, the last of them as of now.
        shown: Per arm int64 `(tracks,)`: how often each track was on a list.
        as_of: Now.
    """
    tally = cuts[-1][1]
    names = [variant.name for variant in experiment.variants]
    check = _check_split(experiment, [one.n for one in tally["sessions"]])
    return Report(
        name=experiment.name,
        status=experiment.status,
        halted=experiment.halted,
        as_of=as_of,
        started=experiment.starts,
        ends=experiment.ends,
        allocation=experiment.allocation,
        allocation_check=check,
        arms=[_arm(experiment, place, tally, shown[place]) for place in range(len(names))],
        comparisons=_comparisons(names, tally, check),
        guardrails=guardrails(experiment, tally),
        days=[Day(at=at, lifts=_lifts(names, sums)) for at, sums in cuts],
    )


def guardrails(experiment: Experiment, tally: Tally) -> list[GuardrailState]:
    """Whether each variant stays within each guardrail; sure of a breach at whatever look."""
    found = []
    for place, variant in enumerate(experiment.variants[1:], 1):
        for guardrail in experiment.guardrails:
            arms = tally[guardrail.metric]
            found.append(_guarded(guardrail, variant.name, arms[0], arms[place]))
    return found


def comparable(control: Sums, variant: Sums) -> bool:
    """Whether both arms say enough for a difference with an interval."""
    return all(arm.n >= FEWEST and arm.z > 0 for arm in (control, variant))


def _check_split(experiment: Experiment, users: Sequence[int]) -> AllocationCheck:
    """Of the arms that users came to until the end: one that was halted has fewer by intent."""
    halted = list(experiment.halted)  # in the order in which they were
    if all(variant.name in halted for variant in experiment.variants[1:]):
        halted.pop()  # with the last one it was stopped
    open_arms = [
        (count, variant.weight)
        for count, variant in zip(users, experiment.variants, strict=True)
        if variant.name not in halted
    ]
    return check_allocation([n for n, _ in open_arms], [weight for _, weight in open_arms])


def _arm(experiment: Experiment, place: int, tally: Tally, shown: np.ndarray) -> Arm:
    variant = experiment.variants[place]
    clicks = tally["click_through"][place]
    return Arm(
        name=variant.name,
        weight=variant.weight,
        users=int(tally["sessions"][place].n),
        halted=experiment.halted.get(variant.name),
        lists=int(clicks.z),
        clicked=int(clicks.y),
        plays=int(tally["plays"][place].y),
        returned=int(tally["retention_7d"][place].y),
        coverage=round(float((shown > 0).mean()), 4) if shown.size else 0.0,
        gini=round(gini(shown), 4) if shown.any() else None,
    )


def _comparisons(names: Sequence[str], tally: Tally, check: AllocationCheck) -> list[Comparison]:
    found: list[Comparison] = []
    for place, name in enumerate(names[1:], 1):
        pairs = [
            (metric, arms[0], arms[place])
            for metric, arms in tally.items()
            if comparable(arms[0], arms[place])
        ]
        effects = [effect(control, variant, level=LEVEL) for _, control, variant in pairs]
        adjusted = holm(np.array([float(one.p) for one in effects]))
        found += [
            _comparison(pair, name, seen, check, float(p))
            for pair, seen, p in zip(pairs, effects, adjusted, strict=True)
        ]
    return found


def _comparison(
    pair: tuple[str, Sums, Sums],
    variant: str,
    seen: Effect,
    check: AllocationCheck,
    p_adjusted: float,
) -> Comparison:
    metric, control, other = pair
    low, high = (float(end) for end in sequence(control, other, planned=PLANNED, level=LEVEL))
    users = int(min(control.n, other.n))
    now = estimates(control, other)[0]
    planned = plan(now, MATTERS, users_a_day=1.0).variant if now.value else 0
    value = float(seen.control)
    return Comparison(
        metric=metric,
        unit=METRICS[metric].unit,
        variant=variant,
        control_value=value,
        variant_value=float(seen.variant),
        difference=float(seen.difference),
        interval=(low, high),
        lift=float(seen.difference) / abs(value) if value else None,
        lift_interval=(low / abs(value), high / abs(value)) if value else None,
        p=float(seen.p),
        p_adjusted=p_adjusted,
        users=users,
        planned=planned,
        verdict=verdict(
            seen,
            (low, high),
            check,
            users=users,
            planned=planned,
            matters=MATTERS,
            more_is_better=METRICS[metric].more_is_better,
        ),
    )


def _guarded(guardrail: Guardrail, variant: str, control: Sums, other: Sums) -> GuardrailState:
    loss: float | None = None
    interval: Interval | None = None
    state: Literal["not yet", "holds", "breached"] = "not yet"
    if comparable(control, other) and control.ratio:
        sign = -1 if METRICS[guardrail.metric].more_is_better else 1
        of = sign / abs(float(control.ratio))
        one, two = sequence(control, other, planned=PLANNED, level=LEVEL)
        low, high = sorted((float(one) * of, float(two) * of))
        loss, interval = (low + high) / 2, (low, high)
        if low > guardrail.most_loss:
            state = "breached"
        elif high < guardrail.most_loss:
            state = "holds"
    return GuardrailState(
        metric=guardrail.metric,
        variant=variant,
        most_loss=guardrail.most_loss,
        loss=loss,
        interval=interval,
        state=state,
    )


def _lifts(names: Sequence[str], tally: Tally) -> dict[str, dict[str, tuple[float, float, float]]]:
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    for metric, arms in tally.items():
        control = arms[0]
        for name, other in zip(names[1:], arms[1:], strict=True):
            if not comparable(control, other) or not control.ratio:
                continue
            low, high = sequence(control, other, planned=PLANNED, level=LEVEL)
            of = abs(float(control.ratio))
            found.setdefault(metric, {})[name] = (
                float(low + high) / 2 / of,
                float(low) / of,
                float(high) / of,
            )
    return found
