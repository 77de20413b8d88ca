"""echotune evaluate: how good the lists are, on data with known answers."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from service.cli.kernels import prepare_kernels
from service.errors import Invalid
from service.settings import Settings

if TYPE_CHECKING:
    from service.learn.protocol_run import Outcome

console = Console(highlight=False)


@click.command()
@click.argument("protocol", type=click.Choice(["n", "n-cold", "s", "k"], case_sensitive=False))
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option("--png", "png_path", type=click.Path(path_type=Path), help="Write the picture here.")
def evaluate(protocol: str, json_path: Path | None, png_path: Path | None) -> None:
    """Run a published protocol through the code that serves.

    n: #nowplaying playlists (metrics at 20). n-cold: the same, tracks that nobody has heard.
    s: the Last.fm split of LightGCN++ (at 10). k: HetRec Last.fm, for the whole catalogue's sake.
    DATASETS_DIR names the folder that holds nowplaying/, lastfm_split/ and lastfm_2k/. All weights
    are chosen on validation rows.

    Example: DATASETS_DIR=~/datasets echotune evaluate n --png quality.png
    """
    prepare_kernels(Settings.from_env(os.environ).home)
    outcome = run(protocol.lower(), os.environ, Console(stderr=True))
    console.print(as_table(outcome))
    if json_path:
        json_path.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    if png_path:
        draw(outcome, png_path)


def run(name: str, env: "os._Environ[str] | dict[str, str]", progress_on: Console) -> "Outcome":
    """Run one protocol with a progress bar.

    Raises:
        Invalid: DATASETS_DIR is not set.
    """
    from service.doors.datasets import PROTOCOLS
    from service.learn.protocol_run import run_protocol

    if "DATASETS_DIR" not in env:
        raise Invalid(
            "set DATASETS_DIR to the folder that holds nowplaying/, lastfm_split/ and lastfm_2k/"
        )
    columns = BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=progress_on) as bar:
        task = bar.add_task("reading", total=1.0)
        protocol = PROTOCOLS[name](Path(env["DATASETS_DIR"]))
        return run_protocol(
            protocol, lambda share, text: bar.update(task, completed=share, description=text)
        )


def as_table(outcome: "Outcome") -> Table:
    """The figures as people read them."""
    size = f"{outcome.users} users, {outcome.tracks} tracks, at {outcome.k}"
    table = Table(title=f"protocol {outcome.protocol}: {size}", title_justify="left")
    table.add_column("")
    for name in ("recall", "ndcg", "coverage", "gini", "novelty"):
        table.add_column(name, justify="right")
    for name, quality in outcome.rows.items():
        figures = (getattr(quality, field) for field in quality.__struct_fields__)
        table.add_row(name, *(f"{figure:.4f}" for figure in figures))
    weights = ", ".join(
        f"{name} {value}" for name, value in msgspec.structs.asdict(outcome.blend).items()
    )
    table.caption = f"blend: {weights}; fit {outcome.seconds['fit']} s"
    return table


def draw(outcome: "Outcome", path: Path) -> None:
    """NDCG and recall of every part alone and of the blend, as bars.

    Raises:
        Invalid: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Invalid("a picture needs matplotlib: pip install 'echotune[report]'") from error
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    names = list(outcome.rows)
    for offset, metric in ((-0.2, "recall"), (0.2, "ndcg")):
        values = [getattr(outcome.rows[name], metric) for name in names]
        bars = axes.barh(
            [place + offset for place in range(len(names))],
            values,
            height=0.38,
            label=f"{metric}@{outcome.k}",
        )
        axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title(f"Protocol {outcome.protocol}: {outcome.users} users, {outcome.tracks} tracks")
    axes.legend(loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
