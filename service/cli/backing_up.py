"""echotune backup and echotune restore: the data folder, whole and of one moment."""

import asyncio
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from service.errors import Invalid, UnusableFile
from service.settings import Settings

if TYPE_CHECKING:
    from service.doors.backup import Manifest
    from service.learn.tombstones import Graveyard

PACKED = (".tar", ".tar.gz")


@click.command()
@click.argument("target", metavar="FOLDER|FILE", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Copy the store, the models and what was learned, while the service runs.

    To a new FOLDER, or to one FILE that ends in .tar or .tar.gz. With MongoDB use mongodump: its
    store is not in the data folder.

    \b
        echotune backup /backups/monday
        echotune backup /backups/monday.tar.gz
    """  # noqa: D301 - click wants the character, not the two letters
    settings = _embedded()
    if target.name.endswith(PACKED):
        with tempfile.TemporaryDirectory(dir=_parent(target)) as folder:
            manifest = _write(settings, Path(folder) / "backup")
            _pack(Path(folder) / "backup", target)
    else:
        manifest = _write(settings, target)
    size = sum(one.bytes for one in manifest.files.values())
    click.echo(f"backed up {len(manifest.files):,} files, {size / 1e6:,.1f} MB, to {target}")


@click.command()
@click.argument("source", metavar="FOLDER|FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is in the data folder.")
@click.option(
    "--erased",
    type=click.Path(path_type=Path),
    help="A newer erased.jsonl: whoever is in it does not come back.",
)
def restore(source: Path, *, force: bool, erased: Path | None) -> None:
    """Put a backup into the data folder; stop the service first.

    Whoever was erased after the backup was taken is erased again, as erased.jsonl in the data
    folder (or --erased) says.

    \b
        echotune restore /backups/monday.tar.gz --erased /safe/erased.jsonl
    """  # noqa: D301 - click wants the character, not the two letters
    from service.doors.backup import put_back

    settings = _embedded()
    with _unpacked(source, settings.home) as folder:
        graveyard = put_back(folder, settings.home, force=force, also=erased)
    gone = asyncio.run(_keep_erased(settings, graveyard))
    click.echo(f"restored {settings.home} from {source}")
    if gone:
        click.echo(f"erased {gone:,} users again who were erased after the backup")


def _embedded() -> Settings:
    settings = Settings.from_env(os.environ)
    if settings.mongo_url is not None:
        raise Invalid("the store is MongoDB: back it up with mongodump, restore with mongorestore")
    return settings


def _write(settings: Settings, folder: Path) -> "Manifest":
    from service.adapters import copy_store
    from service.doors.backup import write_backup

    def copy(target: Path) -> None:
        copy_store(settings, target)

    return write_backup(settings.home, folder, copy, now=datetime.now(UTC))


async def _keep_erased(settings: Settings, graveyard: "Graveyard") -> int:
    from service.adapters import open_store
    from service.doors.backup import keep_erased

    store = await open_store(settings)
    try:
        return await keep_erased(store, settings.home, graveyard)
    finally:
        await store.close()


def _pack(folder: Path, target: Path) -> None:
    """One file, there whole or not at all."""
    making = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        try:
            with tarfile.open(making, "w:gz" if target.suffix == ".gz" else "w") as archive:
                archive.add(folder, arcname="backup")
            with making.open("rb+") as file:
                os.fsync(file.fileno())
            making.replace(target)
        finally:
            making.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{target} cannot be written: {error.strerror}") from error


@contextmanager
def _unpacked(source: Path, home: Path) -> Iterator[Path]:
    if source.is_dir() or not source.name.endswith(PACKED):
        yield source
        return
    with tempfile.TemporaryDirectory(dir=_parent(home)) as folder:
        try:
            with tarfile.open(source) as archive:
                archive.extractall(folder, filter="data")  # nothing outside, no links, no devices
        except (OSError, EOFError, tarfile.TarError) as error:
            raise UnusableFile(f"{source.name} cannot be unpacked: {error}") from error
        yield Path(folder) / "backup"


def _parent(path: Path) -> Path:
    """The folder beside which there is room for what is made on the way."""
    parent = path.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"{parent} cannot be written: {error.strerror}") from error
    return parent
