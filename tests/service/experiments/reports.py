"""Reports put together by hand, so that what they show is known."""

from datetime import UTC, datetime, timedelta

from msgspec import structs

from service.experiments.allocation_check import AllocationCheck
from service.experiments.metrics import METRICS
from service.experiments.report import Arm, Comparison, Day, GuardrailState, Report
from service.experiments.verdict import Kind, Verdict

STARTED = datetime(2026, 11, 1, 9, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\x1b[31m & \"so\" 'on'"
EMPTY = Report(
    name="warm-blend",
    status="draft",
    halted={},
    as_of=STARTED,
    started=None,
    ends=None,
    allocation=0.2,
    allocation_check=AllocationCheck(1.0, "ok"),
    arms=[],
    comparisons=[],
    guardrails=[],
    days=[],
)


def arm(name: str, users: int = 1_000, halted: str | None = None) -> Arm:
    return Arm(
        name=name,
        weight=1.0,
        users=users,
        halted=halted,
        lists=users * 12,
        clicked=users * 3,
        plays=users * 40,
        returned=users // 4,
        coverage=0.41,
        gini=0.872 if users else None,
    )


def comparison(
    metric: str,
    variant: str,
    lift: float | None,
    interval: tuple[float, float] | None,
    kind: Kind = "not yet",
) -> Comparison:
    low, high = interval or (0.1, 0.3)
    return Comparison(
        metric=metric,
        unit=METRICS[metric].unit,
        variant=variant,
        control_value=0.0 if lift is None else 2.0,
        variant_value=0.2 if lift is None else 2 + 2 * lift,
        difference=0.2 if lift is None else 2 * lift,
        interval=(low, high) if lift is None else (2 * low, 2 * high),
        lift=lift,
        lift_interval=interval,
        p=0.01,
        p_adjusted=0.0421,
        users=1_000,
        planned=4_000,
        verdict=Verdict(kind, f"what is said of {metric} in {variant} <here>"),
    )


def guarded(
    metric: str, variant: str, loss: float | None, interval: tuple[float, float] | None, state
) -> GuardrailState:
    return GuardrailState(
        metric=metric,
        variant=variant,
        most_loss=0.03,
        loss=loss,
        interval=interval,
        state=state,
    )


def days(metrics: list[str], variants: list[str], number: int) -> list[Day]:
    return [
        Day(
            at=STARTED + timedelta(days=day),
            lifts={
                metric: dict.fromkeys(variants, (0.02, 0.02 - 0.1 / day, 0.02 + 0.1 / day))
                for metric in metrics
            },
        )
        for day in range(1, number + 1)
    ]


def two_variants(**changes) -> Report:
    """One variant that is better in something, one that was halted, and one lift that is None."""
    names = ["warm", "bold"]
    given = {
        "status": "running",
        "started": STARTED,
        "ends": STARTED + timedelta(days=21),
        "as_of": STARTED + timedelta(days=5),
        "halted": {"bold": HOSTILE},
        "arms": [arm("control"), arm("warm", 1_010), arm("bold", 990, HOSTILE)],
        "comparisons": [
            comparison("plays", "warm", 0.05, (0.02, 0.08), "better"),
            comparison("skip_rate", "warm", -0.01, (-0.04, 0.02)),
            comparison("plays", "bold", -0.06, (-0.08, -0.04), "worse"),
            comparison("rating", "bold", None, None),
        ],
        "guardrails": [
            guarded("plays", "warm", -0.05, (-0.08, -0.02), "holds"),
            guarded("plays", "bold", 0.06, (0.04, 0.08), "breached"),
            guarded("latency", "bold", None, None, "not yet"),
        ],
        "days": days(["plays", "skip_rate"], names, 5),
    }
    return structs.replace(EMPTY, **given | changes)


def twenty_variants() -> Report:
    """As many as there may be, with names as long as they may be, of every metric."""
    names = [f"variant-{place:02}-".ljust(64, "x") for place in range(20)]
    kinds: list[Kind] = ["better", "worse", "no difference", "not yet", "not to be trusted"]
    return two_variants(
        name="e" * 64,
        arms=[arm(name, 1_234_567, "lost. " * 60) for name in names],
        comparisons=[
            comparison(metric, name, 12.3456, (-12.3456, 45.678), kinds[place % 5])
            for name in names[1:]
            for place, metric in enumerate(METRICS)
        ],
        guardrails=[guarded("plays", name, 0.01, (-0.01, 0.02), "holds") for name in names[1:]],
        days=days(list(METRICS), names[1:], 3),
    )
