"""An evaluation as people read it: tables and a picture."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.table import Table

from service.errors import Invalid
from service.learn.contenders import BLEND
from service.learn.protocol_run import Outcome
from service.learn.scorecard import COLD_TRACK, COLD_USER, Comparison, Scorecard

COLOURS = {"recall": "#1b7f5c", "ndcg": "#f2a541"}


def tables(outcome: Outcome) -> Iterator[Table]:
    """Everybody's figures, the slices, and the blend against baselines and without its parts."""
    yield as_table(outcome)
    yield _slices(outcome)
    yield _differences(outcome)


def as_table(outcome: Outcome) -> Table:
    """One row for each way to make lists; recall and NDCG with their 95 % intervals."""
    size = f"{outcome.users} users, {outcome.tracks} tracks, at {outcome.k}"
    table = Table(title=f"{outcome.protocol}: {size}", title_justify="left")
    table.add_column("")
    for name in ("recall", "ndcg", "mrr", "coverage", "gini", "novelty", "rarity", "diversity"):
        table.add_column(name, justify="right")
    table.add_column("fit s", justify="right")
    table.add_column("peak MB", justify="right")
    for name, card in outcome.rows.items():
        table.add_row(name, *_figures(card), _known(card.fit_s), _known(card.peak_mb))
    weights = ", ".join(
        f"{name} {value:g}" for name, value in msgspec.structs.asdict(outcome.blend).items()
    )
    table.caption = f"blend: {weights}\n{outcome.left_out}".strip()
    return table


def draw(outcome: Outcome, path: Path) -> None:
    """Recall and NDCG of everybody as bars, with their intervals.

    Raises:
        Invalid: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Invalid("a picture needs matplotlib: pip install 'echotune[report]'") from error
    names = list(outcome.rows)
    figure = Figure(figsize=(8, 1.2 + 0.42 * len(names)), layout="constrained")
    axes = figure.subplots()
    for offset, metric in ((-0.2, "recall"), (0.2, "ndcg")):
        cards = outcome.rows.values()
        values = [getattr(card.quality, metric) for card in cards]
        spans = [card.intervals[metric] for card in cards]
        errors = [
            [max(value - span.low, 0) for value, span in zip(values, spans, strict=True)],
            [max(span.high - value, 0) for value, span in zip(values, spans, strict=True)],
        ]
        places = [place + offset for place in range(len(names))]
        bars = axes.barh(
            places, values, height=0.38, xerr=errors, color=COLOURS[metric],
            error_kw={"lw": 0.8, "ecolor": "#444444"}, label=f"{metric}@{outcome.k}",
        )  # fmt: skip
        axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title(f"{outcome.protocol}: {outcome.users} users, {outcome.tracks} tracks")
    axes.legend(loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def _figures(card: Scorecard) -> Iterator[str]:
    for name, value in msgspec.structs.asdict(card.quality).items():
        if name in ("recall", "ndcg"):
            span = card.intervals[name]
            yield f"{value:.4f} [dim]{span.low:.3f}-{span.high:.3f}[/]"
        else:
            yield f"{value:.4f}"


def _slices(outcome: Outcome) -> Table:
    title = f"cold: tracks with {COLD_TRACK} listeners or fewer, users with {COLD_USER} tracks"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    names = list(next(iter(outcome.rows.values())).slices)
    for name in names:
        for figure in ("users", "recall", "ndcg"):
            table.add_column(f"{name}: {figure}", justify="right")
    for row, card in outcome.rows.items():
        parts = (card.slices[name] for name in names)
        cells = ((str(part.users), f"{part.recall:.4f}", f"{part.ndcg:.4f}") for part in parts)
        table.add_row(row, *(cell for three in cells for cell in three))
    return table


def _differences(outcome: Outcome) -> Table:
    table = Table(title=f"NDCG of the {BLEND}, less that of", title_justify="left")
    for name in ("", "difference", "95 %"):
        table.add_column(name, justify="right" if name else "left")
    for name, found in outcome.against.items():
        table.add_row(name, *_compared(found))
    for part, found in outcome.without.items():
        table.add_row(f"the {BLEND} without {part}", *_compared(found))
    return table


def _compared(found: Comparison) -> tuple[str, str]:
    return f"{found.difference:+.4f}", f"{found.low:+.4f} to {found.high:+.4f}"


def _known(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
