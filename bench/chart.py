"""One picture of a bench: who takes how long, on a logarithmic scale, ours in another colour."""

from collections.abc import Sequence
from pathlib import Path

from bench.harness import Row

OURS, THEIRS = "#1b7f5c", "#9aa5b1"


def times(rows: Sequence[Row], path: Path, title: str) -> None:
    """Write the median of every row that has one as a PNG; names that start with EchoTune are ours.

    Only the Figure API is used, so that no display and no global state is needed.
    """
    from matplotlib.figure import Figure

    shown = [row for row in rows if row.median_ms is not None]
    figure = Figure(figsize=(9, 0.8 + 0.3 * len(shown)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(
        range(len(shown)),
        [row.median_ms or 0.0 for row in shown],
        color=[OURS if row.name.startswith("EchoTune") else THEIRS for row in shown],
    )
    axes.bar_label(bars, [f"{row.median_ms:.3g} ms" for row in shown], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_yticks(range(len(shown)), [row.name for row in shown], fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
