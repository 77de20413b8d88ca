"""echotune export: everything in the store, for another store or for a shelf."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

from service.cli.importing import bar
from service.settings import Settings

if TYPE_CHECKING:
    from service.doors.exports import Manifest


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def export(folder: Path) -> None:
    """Write everything in the store to FOLDER: tracks, aliases, users, experiments, listens.

    `echotune import echotune FOLDER` puts it into another store; rows keep their order. The way
    from SQLite to MongoDB and back. Models are not in it: fit again.

    \b
        echotune export backup
        ECHOTUNE_MONGO_URL=mongodb://db/echotune?replicaSet=rs0 echotune import echotune backup
    """  # noqa: D301 - click wants the character, not the two letters
    settings = Settings.from_env(os.environ)
    manifest = asyncio.run(_export(settings, folder, Console(stderr=True)))
    counts = ", ".join(f"{part.rows:,} {name}" for name, part in manifest.parts.items())
    click.echo(f"exported {counts} to {folder}")


async def _export(settings: Settings, folder: Path, console: Console) -> "Manifest":
    from service.bootstrap import open_store
    from service.doors.exports import write_export

    store = await open_store(settings)
    try:
        total = sum((await store.counts()).values())
        with bar("exporting", total, console) as advance:
            return await write_export(store, folder, on_progress=advance)
    finally:
        await store.close()


async def restore(settings: Settings, folder: Path, console: Console) -> int:
    """Put an export into the store the settings name; how many listens were new."""
    from service.bootstrap import open_store
    from service.doors.exports import check_export, read_export

    total = check_export(folder).rows
    store = await open_store(settings)
    try:
        with bar("importing", total, console) as advance:
            return await read_export(store, folder, on_progress=advance)
    finally:
        await store.close()
