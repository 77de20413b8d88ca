"""A turned balance as people read it: a table and a picture."""

from pathlib import Path

from rich.table import Table

from service.errors import Invalid
from service.learn.evaluation import Quality
from service.learn.pareto import Pareto

AXES = ("gini", "coverage", "novelty")


def as_table(pareto: Pareto) -> Table:
    """What became of every goal on test rows, at the balance chosen on validation rows."""
    table = Table(title="the balance that validation chose, judged on test", title_justify="left")
    for name in ("goal", "balance", "NDCG", "wanted", "gini", "coverage", "novelty"):
        table.add_column(name, justify="left" if name == "goal" else "right")
    for one in pareto.chosen:
        quality = one.quality
        figures = (quality.ndcg, one.goal.ndcg, quality.gini, quality.coverage, quality.novelty)
        table.add_row(one.goal.name, f"{one.balance:.2f}", *(f"{value:.4f}" for value in figures))
    table.caption = f"prices fitted in {pareto.prices_s} s"
    return table


def draw(pareto: Pareto, title: str, path: Path) -> None:
    """NDCG against Gini, coverage and novelty as the balance turns, with what was chosen.

    Raises:
        Invalid: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Invalid("a picture needs matplotlib: pip install 'echotune[report]'") from error
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    for axes, metric in zip(figure.subplots(1, len(AXES), sharey=True), AXES, strict=True):
        for name, points, style in (
            ("test", pareto.test, {"color": "#1b7f5c", "marker": "o", "markersize": 3}),
            ("validation", pareto.validation, {"color": "#9aa5b1", "linestyle": "--"}),
        ):
            across = [_of(point.quality, metric) for point in points]
            axes.plot(across, [point.quality.ndcg for point in points], label=name, **style)
        for point in pareto.test[::4]:
            at = (_of(point.quality, metric), point.quality.ndcg)
            axes.annotate(f"{point.balance:g}", at, (4, 4), textcoords="offset points", fontsize=7)
        for number, one in enumerate(pareto.chosen):
            across_one = _of(one.quality, metric)
            label = f"{one.goal.name}: balance {one.balance:g}"
            star = {"color": f"C{number + 1}", "markersize": 13, "label": label}
            axes.plot(across_one, one.quality.ndcg, "*", **star)
        axes.set_xlabel(metric)
        axes.grid(visible=True, alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("NDCG")
    figure.axes[0].invert_xaxis()  # to the right is fairer, as in the others
    figure.axes[0].legend(fontsize=7, loc="lower left")
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=120)


def _of(quality: Quality, metric: str) -> float:
    return float(getattr(quality, metric))
