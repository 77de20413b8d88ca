"""The dashboard for Grafana, made by code so that no panel is forgotten and none is by hand.

    python -m k8s.monitoring.dashboard

writes `k8s/monitoring/dashboard.json`, which is what people import: Dashboards > New > Import, or a
provider that reads the folder. It asks for a Prometheus that scrapes /metrics of every process, and
is for Grafana 11.6 and newer. Needs the dependencies of the tests: `./dev test` installs them.

A panel is one `Panel` in `rows/`; a new series in `service/metrics.py` has to be in one, or be
named with its reason in `tests/repo/test_dashboard.py`.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import TimeZoneBrowser
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from k8s.monitoring.panel import SOURCE, Panel, Row, draw
from k8s.monitoring.rows import (
    caches,
    events,
    experiments,
    jobs,
    learning,
    lists,
    process,
    promises,
)

FILE = Path(__file__).with_name("dashboard.json")
COLUMNS = 24  # Grafana's
ROWS = (
    promises.ROW,
    lists.ROW,
    caches.ROW,
    events.ROW,
    learning.ROW,
    jobs.ROW,
    experiments.ROW,
    process.ROW,
)


def text() -> str:
    """The dashboard as JSON, the same to the byte each time."""
    builder = (
        dashboard.Dashboard("EchoTune")
        .uid("echotune")
        .description("Titles say what good looks like; the (i) of a panel says what to do if not.")
        .tags(["echotune"])
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .timezone(TimeZoneBrowser)
        .time("now-6h", "now")
        .refresh("30s")
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
        .with_variable(_instances())
    )
    top = 0
    for row in ROWS:
        heading = GridPos(x=0, y=top, w=COLUMNS, h=1)
        number = (
            100 * row.number
        )  # ids are in links to panels: a new panel must not change them all
        builder.with_row(dashboard.Row(row.title).id(number).grid_pos(heading))
        for panel, at in _places(row, top + 1):
            number += 1
            builder.with_panel(draw(panel, number=number, at=at))
            top = at.y + at.h
    return json.dumps(builder.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _instances() -> dashboard.QueryVariable:
    # All has no value of its own, so Grafana lists these instances: process_* of others stay out.
    return (
        dashboard.QueryVariable("instance")
        .label("Process")
        .datasource(SOURCE)
        .query("label_values(echotune_learner_leads, instance)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(VariableOption(text="All", value="$__all"))
    )


def _places(row: Row, top: int) -> Iterator[tuple[Panel, GridPos]]:
    """From left to right; the next line begins below the tallest panel of this one."""
    left = tallest = 0
    for panel in row.panels:
        if left + panel.width > COLUMNS:
            left, top, tallest = 0, top + tallest, 0
        yield panel, GridPos(x=left, y=top, w=panel.width, h=panel.height)
        left, tallest = left + panel.width, max(tallest, panel.height)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8", newline="\n")
