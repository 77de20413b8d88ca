"""PNG charts beside the JSON of a bench: the same figures, for people who look before they read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import harness
from bench.harness import Row

OURS, THEIRS = "#1b7f5c", "#9aa5b1"


def bars(bench: str, title: str, unit: str, groups: Mapping[str, Mapping[str, float]]) -> None:
    """Draw one group of horizontal bars per key of `groups`, a bar per contender."""
    figure, axes = _axes(1.2 + 0.45 * sum(len(group) + 1 for group in groups.values()))
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    ticks, place = [], 0.0
    for label, group in groups.items():
        ticks.append((place + (len(group) - 1) / 2, label))
        for name, value in group.items():
            colour = f"C{names.index(name)}"
            drawn = axes.barh(place, value, color=colour)
            axes.bar_label(drawn, [f" {name}  {value:.3g}"], fontsize=8)
            place += 1
        place += 1
    axes.set_yticks([at for at, _ in ticks], [label for _, label in ticks])
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set_xlabel(unit)
    _save(bench, title, figure, axes)


def growth(
    bench: str, title: str, sizes: Sequence[float], lines: Mapping[str, Sequence[float]], unit: str
) -> None:
    """Draw how each line grows with size, both axes logarithmic."""
    figure, axes = _axes(5)
    for name, values in lines.items():
        axes.plot(sizes[: len(values)], values, marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("tracks")
    axes.set_ylabel(unit)
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend(fontsize=8)
    _save(bench, title, figure, axes)


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


def _axes(height: float):  # type: ignore[no-untyped-def]  # noqa: ANN202  # matplotlib is imported late
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(8, height), layout="constrained")


def _save(bench: str, title: str, figure, axes) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    from matplotlib import pyplot as plt

    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    harness.RESULTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(harness.RESULTS / f"{bench}.png", dpi=120)
    plt.close(figure)
