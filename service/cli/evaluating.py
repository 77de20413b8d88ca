"""echotune evaluate: how good the lists are, on data with known answers."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from service.cli.kernels import prepare_kernels
from service.errors import Invalid
from service.settings import Settings

if TYPE_CHECKING:
    from service.learn.protocol import Protocol
    from service.learn.protocol_run import Outcome

console = Console(highlight=False)

PUBLISHED = ("n", "n-cold", "s", "k")
STORE = "store"
LENGTH = 20  # of lists from own data


@click.command()
@click.argument("data", metavar="PROTOCOL|store|FILE")
@click.option("--user", metavar="COLUMN", help="FILE: the column of the user id.")
@click.option("--track", metavar="COLUMN", help="FILE: the column of the track id.")
@click.option("--time", metavar="COLUMN", help="FILE: when; without it the split is random.")
@click.option(
    "--tracks", "tracks", type=click.Path(path_type=Path), help="FILE: what the tracks are, a CSV."
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option("--png", "png_path", type=click.Path(path_type=Path), help="Write the picture here.")
def evaluate(data: str, json_path: Path | None, png_path: Path | None, **columns: object) -> None:
    """Judge the lists that would be served, beside what people would use instead.

    \b
    Published protocols; DATASETS_DIR names the folder with nowplaying/, lastfm_split/, lastfm_2k/:
      n      #nowplaying playlists, metrics at 20
      n-cold the same with tracks that nobody has heard
      s      the Last.fm split of LightGCN++, at 10
      k      HetRec Last.fm, and what even exposure of the catalogue costs, at 10
    Own data; the last fifth of every listener's tracks is hidden and should be found again:
      store  what this service has stored
      FILE   a CSV or TSV of listens, plain, .gz or .zip

    Models, blend and the options of the baselines (popularity, item-kNN, EASE, and the ALS and BPR
    of implicit where it is installed) are chosen on validation rows; the test rows judge once.

    \b
      DATASETS_DIR=~/datasets echotune evaluate n --png quality.png
      echotune evaluate store --json quality.json
      echotune evaluate plays.csv --user user_id --track track_id --time played_at
    """  # noqa: D301 - click wants the character, not the two letters
    settings = Settings.from_env(os.environ)
    prepare_kernels(settings.kernels_home)
    from service.cli import pareto, scorecards

    outcome = run(data, os.environ, Console(stderr=True), settings=settings, columns=columns)
    for table in scorecards.tables(outcome):
        console.print(table)
    if outcome.pareto:
        console.print(pareto.as_table(outcome.pareto))
    if json_path:
        json_path.write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    if png_path:
        draw(outcome, png_path)


def run(
    data: str,
    env: Mapping[str, str],
    progress_on: Console,
    *,
    settings: Settings | None = None,
    columns: Mapping[str, object] | None = None,
) -> "Outcome":
    """Run one protocol with a progress bar.

    Raises:
        Invalid: DATASETS_DIR is not set, or there is no such protocol or file.
    """
    from service.learn.protocol_run import run_protocol

    protocol = _protocol(data, env, settings or Settings.from_env(env), columns or {}, progress_on)
    shown = BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*shown, console=progress_on) as bar:
        task = bar.add_task("starting", total=1.0)
        return run_protocol(
            protocol, lambda share, text: bar.update(task, completed=share, description=text)
        )


def draw(outcome: "Outcome", path: Path) -> None:
    """The picture that suits the protocol: bars, or curves where the balance was turned.

    Raises:
        Invalid: matplotlib is not installed.
    """
    from service.cli import pareto, scorecards

    if outcome.pareto:
        size = f"{outcome.users} users, {outcome.tracks} tracks, at {outcome.k}"
        pareto.draw(outcome.pareto, f"Protocol {outcome.protocol}: {size}", path)
    else:
        scorecards.draw(outcome, path)


def _protocol(
    data: str,
    env: Mapping[str, str],
    settings: Settings,
    columns: Mapping[str, object],
    progress_on: Console,
) -> "Protocol":
    if data.lower() in PUBLISHED:
        return _published(data.lower(), env)
    if data == STORE:
        return asyncio.run(_stored(settings, STORE))
    if not Path(data).is_file():
        raise Invalid(
            f"{data} is no protocol ({', '.join(PUBLISHED)}), not {STORE!r} and no file:"
            " see echotune evaluate -h"
        )
    if not (columns.get("user") and columns.get("track")):
        raise Invalid(f"say which columns of {data} are which: --user COLUMN --track COLUMN")
    return _from_file(Path(data), columns, progress_on)


def _published(name: str, env: Mapping[str, str]) -> "Protocol":
    from service.doors.datasets import PROTOCOLS

    if "DATASETS_DIR" not in env:
        raise Invalid(
            "set DATASETS_DIR to the folder that holds nowplaying/, lastfm_split/ and lastfm_2k/"
        )
    return PROTOCOLS[name](Path(env["DATASETS_DIR"]))


async def _stored(settings: Settings, name: str) -> "Protocol":
    from service.adapters import open_store
    from service.learn.holdout import hold_out_newest
    from service.model.catalogue import empty_catalogue

    store = await open_store(settings)
    try:
        catalogue = empty_catalogue().with_tracks(await store.tracks())
        return await hold_out_newest(store.listens(), catalogue, name=name, k=LENGTH)
    finally:
        await store.close()


def _from_file(path: Path, columns: Mapping[str, object], progress_on: Console) -> "Protocol":
    """Listens of a file, by way of a store that is thrown away."""
    from service.cli.importing import read_into
    from service.doors.importers import Options

    tracks = columns.get("tracks")
    said = {name: columns.get(name) for name in ("user", "track", "time")}
    options = msgspec.convert({**said, "create_tracks": True}, Options)
    with TemporaryDirectory(prefix="echotune-evaluate-") as folder:
        aside = Settings(data_dir=folder)
        if isinstance(tracks, Path):
            read_into(aside, "tracks-spotify", [tracks], Options(), progress_on)
        summary = read_into(aside, "interactions", [path], options, progress_on)
        if not summary.usable:
            raise Invalid(f"no row of {path} could be used: {_first_reject(summary.rejects)}")
        return asyncio.run(_stored(aside, path.name))


def _first_reject(rejects: Path | None) -> str:
    if rejects is None:
        return "the file holds no rows below its header"
    with rejects.open(encoding="utf-8") as file:
        return file.readline().strip()
