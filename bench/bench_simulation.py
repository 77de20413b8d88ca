"""What listeners who never existed make of two configurations: each business metric moves.

SIMULATION: it shows that what pleases listeners shows in the figures of an experiment, not that
anybody real would behave so. Both arms go through the service itself.
"""

import asyncio
from collections.abc import Sequence

from bench.harness import Outcome, Row, bar
from service.domain import Value
from service.experiments.report import Arm, Comparison, Report
from service.simulation.trial import World, simulate

PAIRS: dict[str, tuple[dict[str, Value], dict[str, Value]]] = {
    "personal, not popular": ({"strategies": "trending"}, {}),
    "whole prices, not none": ({"balance": 0.0}, {"balance": 1.0}),
}
MORE = (
    *("sessions", "plays", "session_length", "discovery_rate"),
    *("retention_7d", "click_through", "rating"),
)


def simulation(*, quick: bool) -> Outcome:
    """Lift of every metric, with the interval that holds at every look."""
    world = World(listeners=60, tracks=400, days=10) if quick else World(listeners=600, days=14)
    rows, found = [], dict[str, Report]()
    for name, (control, variant) in PAIRS.items():
        found[name] = asyncio.run(simulate(control, variant, world))
        rows += _rows(name, found[name])
    personal = {one.metric: one for one in found["personal, not popular"].comparisons}
    even = found["whole prices, not none"].arms
    return Outcome(
        rows=rows,
        bars=[
            *(
                bar(f"simulated {name}, low end of its lift", _low(personal[name]), ">=", 0)
                for name in MORE
            ),
            bar("simulated gini, of that without prices", _gini(even), "<=", 1.0),
        ],
        params={"listeners": world.listeners, "days": world.days},
    )


BENCHES = {"simulation": simulation}


def _rows(name: str, report: Report) -> list[Row]:
    lifts = [
        Row(
            name=f"{name}: {one.metric}",
            values={
                "control": round(one.control_value, 4),
                "variant": round(one.variant_value, 4),
                "lift": round(one.lift or 0.0, 4),
                "low": _low(one),
                "high": round(one.lift_interval[1] if one.lift_interval else 0.0, 4),
            },
        )
        for one in report.comparisons
    ]
    shown = [
        Row(name=f"{name}: {arm.name}", values={"coverage": arm.coverage, "gini": arm.gini or 0.0})
        for arm in report.arms
    ]
    return [*lifts, *shown]


def _low(one: Comparison) -> float:
    return round(one.lift_interval[0], 4) if one.lift_interval else 0.0


def _gini(arms: Sequence[Arm]) -> float:
    without, whole = (arm.gini or 1.0 for arm in arms)
    return round(whole / without, 4)
