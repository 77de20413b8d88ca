"""echotune export: everything in the store, for another store or for a shelf."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import rich_click as click
from rich.console import Console

from service.cli.exporting_one import OF_ONE
from service.cli.progress import bar
from service.errors import Invalid
from service.settings import Settings

STDOUT = "-"
FILES = (".jsonl", ".jsonl.gz")


@click.command()
@click.argument("target", metavar="FOLDER|FILE|-|KIND")
@click.argument("user", required=False)
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--format", "form", type=click.Choice(["jspf", "xspf", "m3u8"]), default="jspf")
@click.option("--limit", type=click.IntRange(1, 100), default=50, help="Tracks of a playlist.")
def export(target: str, user: str | None, file: str | None, form: str, limit: int) -> None:
    """Write everything in the store: tracks, aliases, users, experiments, listens.

    To a new FOLDER, a file for each; or to one FILE that ends in .jsonl or .jsonl.gz, replaced
    whole or not at all; or to standard output. `echotune import echotune` puts it into another
    store; rows keep their order. The way from SQLite to MongoDB and back. Models are not in it:
    fit again.

    Of one listener: their recommendations as a playlist, their history as a zip of ListenBrainz,
    or all that is kept about them. Without a FILE it goes to standard output, the zip to USER.zip.

    \b
        echotune export backup
        echotune export backup.jsonl.gz
        echotune export - | zstd > backup.jsonl.zst
        ECHOTUNE_MONGO_URL=mongodb://db/echotune?replicaSet=rs0 echotune import echotune backup
        echotune export playlist ada --format m3u8 ada.m3u8
        echotune export listenbrainz ada ada.zip
        echotune export user ada ada.json
    """  # noqa: D301 - click wants the character, not the two letters
    settings, console = Settings.from_env(os.environ), Console(stderr=True)
    if target in OF_ONE:
        if user is None:
            raise Invalid(f"export {target} needs a USER; for a folder of that name: ./{target}")
        OF_ONE[target](settings, user, file, console, form=form, limit=limit)
        return
    if user is not None:
        raise Invalid(f"only {', '.join(OF_ONE)} are of one USER; {target} is not")
    rows = asyncio.run(_export(settings, target, console))
    counts = ", ".join(f"{count:,} {name}" for name, count in rows.items())
    click.echo(f"exported {counts} to {target}", err=target == STDOUT)


async def _export(settings: Settings, target: str, console: Console) -> dict[str, int]:
    from service.adapters import open_store
    from service.doors.export_file import write_file, write_lines
    from service.doors.exports import write_export

    store = await open_store(settings)
    try:
        total = sum((await store.counts()).values())
        with bar("exporting", total, console) as advance:
            if target == STDOUT:
                rows = await write_lines(store, sys.stdout.buffer, on_progress=advance)
                sys.stdout.buffer.flush()
                return rows
            if target.endswith(FILES):
                return await write_file(store, Path(target), on_progress=advance)
            manifest = await write_export(store, Path(target), on_progress=advance)
            return {name: part.rows for name, part in manifest.parts.items()}
    finally:
        await store.close()


async def restore(settings: Settings, path: Path, console: Console) -> int:
    """Put an export into the store the settings name; how many listens were new."""
    from service.adapters import open_store

    read, total = _reading(path)
    store = await open_store(settings)
    try:
        with bar("importing", total, console) as advance:
            return await read(store, path, on_progress=advance)
    finally:
        await store.close()


def _reading(path: Path) -> "tuple[Callable[..., Awaitable[int]], int]":
    from service.doors.export_file import check_file, read_file
    from service.doors.exports import check_export, read_export

    if path.is_file():
        return read_file, sum(check_file(path).rows.values())
    return read_export, check_export(path).rows
