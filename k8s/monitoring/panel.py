"""What a panel says, and how that is drawn. Nothing here knows EchoTune."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    FieldColorModeId,
    GridPos,
    Threshold,
    ThresholdsMode,
)
from msgspec import Struct

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
NEXT = "When it is not:"
"""Every description says what is seen, and after these words what to do."""


class Query(Struct, frozen=True):
    """One expression, and what its lines are called: words and {{labels}}."""

    expr: str
    legend: str


class Panel(Struct, frozen=True, kw_only=True):
    """One question about the service.

    `title` says what good looks like, `shows` what is seen, `otherwise` the next step. `bars` are
    where it turns from good, in order; one colour more than bars: the worst is red.
    """

    title: str
    unit: str
    shows: str
    otherwise: str
    queries: tuple[Query, ...]
    bars: tuple[float, ...] = ()
    good: Literal["below", "above"] = "below"
    kind: Literal["lines", "number"] = "lines"
    most: float | None = None  # where the axis ends, if the unit has an end
    decimals: int | None = None
    empty: str = "none so far"  # shown where there is no series: a label that never came up

    @property
    def width(self) -> int:
        """Of the 24 columns of the grid."""
        return 4 if self.kind == "number" else 8

    @property
    def height(self) -> int:
        """In units of the grid."""
        return 5 if self.kind == "number" else 8


class Row(Struct, frozen=True, kw_only=True):
    """Panels under one heading. The number is in the ids of its panels, so it stays what it is."""

    number: int
    title: str
    panels: tuple[Panel, ...]


def draw(panel: Panel, *, number: int, at: GridPos) -> stat.Panel | timeseries.Panel:
    """The panel as Grafana reads it."""
    drawn = _number() if panel.kind == "number" else _lines(panel)
    drawn = (
        drawn.id(number)
        .title(panel.title)
        .description(f"{panel.shows}\n\n{NEXT} {panel.otherwise}")
        .datasource(SOURCE)
        .grid_pos(at)
        .unit(panel.unit)
        .min(0)
        .no_value(panel.empty)
        .thresholds(_thresholds(panel))
        .targets(_targets(panel.queries))
    )
    if panel.most is not None:
        drawn = drawn.max(panel.most)
    if panel.decimals is not None:
        drawn = drawn.decimals(panel.decimals)
    return drawn


def _number() -> stat.Panel:
    return (
        stat.Panel()
        .color_mode(looks.BigValueColorMode.VALUE)
        .graph_mode(looks.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )


def _lines(panel: Panel) -> timeseries.Panel:
    style = (
        looks.GraphThresholdsStyleMode.DASHED if panel.bars else looks.GraphThresholdsStyleMode.OFF
    )
    return (
        timeseries.Panel()
        .fill_opacity(8)
        .line_width(1)
        .show_points(looks.VisibilityMode.AUTO)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(
            common.VizLegendOptions()
            .display_mode(looks.LegendDisplayMode.LIST)
            .placement(looks.LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(looks.TooltipDisplayMode.MULTI)
            .sort(looks.SortOrder.DESCENDING)
        )
    )


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    colours = ["green", "orange", "red"] if len(panel.bars) > 1 else ["green", "red"]
    if panel.good == "above":
        colours.reverse()
    values: Sequence[float | None] = (None, *panel.bars)  # Grafana's first step has no value
    steps = [
        Threshold(value=value, color=colour) for value, colour in zip(values, colours, strict=False)
    ]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _targets(queries: tuple[Query, ...]) -> list[Builder[Dataquery]]:
    return [
        prometheus.Dataquery().expr(one.expr).legend_format(one.legend).ref_id(letter).range()
        for letter, one in zip(ascii_uppercase, queries, strict=False)
    ]
