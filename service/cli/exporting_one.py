"""What `echotune export` writes of one listener."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec
import rich_click as click
from rich.console import Console

from service.cli.kernels import prepare_kernels
from service.cli.progress import bar
from service.errors import Invalid
from service.settings import Settings

STDOUT = "-"


def export_playlist(
    settings: Settings, user: str, file: str | None, _: Console, *, form: str, limit: int
) -> None:
    """The recommendations of now, to a file or to standard output."""
    prepare_kernels(settings.home)
    body, tracks = asyncio.run(_playlist(settings, user, form, limit))
    if file is None or file == STDOUT:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    try:
        Path(file).write_bytes(body)
    except OSError as error:
        raise Invalid(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"exported {tracks} tracks to {file}")


async def _playlist(settings: Settings, user: str, form: str, limit: int) -> tuple[bytes, int]:
    from service.api.contract import read_path
    from service.bootstrap import open_house
    from service.domain import UserId
    from service.doors.playlists import FORMS, playlist
    from service.recommend.ask import Ask
    from service.recommend.page import Page

    async with open_house(settings) as house:
        ask = msgspec.convert({"limit": limit}, Ask)
        answer, _ = await house.recommender.for_user(read_path(user, UserId), ask)
        page = msgspec.json.decode(answer.body, type=Page)
        found = [await house.store.track(one.track.id) for one in page.recommendations]
        made = playlist(page, {track.id: track for track in found if track})
        return FORMS[form](made), len(made.places)


def export_listenbrainz(
    settings: Settings, user: str, file: str | None, console: Console, **_: object
) -> None:
    """The whole history, to a zip."""
    target = Path(file or f"{user}.zip")
    listens = asyncio.run(_listenbrainz(settings, user, target, console))
    click.echo(f"exported {listens:,} listens to {target}")


async def _listenbrainz(settings: Settings, user: str, path: Path, console: Console) -> int:
    from service.adapters import open_store
    from service.api.contract import read_path
    from service.domain import UserId
    from service.doors.listenbrainz_zip import write_listenbrainz

    user = read_path(user, UserId)
    store = await open_store(settings)
    try:
        total = (await store.counts())["listens"]  # of everybody: at most so many
        with bar("exporting", total, console) as advance:
            return await write_listenbrainz(store, user, path, on_progress=advance)
    finally:
        await store.close()


def export_user(settings: Settings, user: str, file: str | None, _: Console, **__: object) -> None:
    """Everything that is kept about them, as JSON."""
    if file is None or file == STDOUT:
        asyncio.run(_user(settings, user, sys.stdout.buffer))
        sys.stdout.buffer.flush()
        return
    target = Path(file)
    making = target.with_name(f".{target.name}.tmp")
    try:
        try:
            with making.open("xb") as out:
                asyncio.run(_user(settings, user, out))
            making.replace(target)
        finally:
            making.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"exported {user} to {file}")


async def _user(settings: Settings, user: str, out: IO[bytes]) -> None:
    from service.api.contract import read_path
    from service.bootstrap import open_house
    from service.domain import UserId
    from service.learn.portability import everything, known

    async with open_house(settings) as house:
        found = await known(house.store, read_path(user, UserId))
        arms = await house.recommender.arms(found.id)
        pieces = everything(house.store, house.profiles, found, dict(arms.variants))
        async for piece in pieces:
            out.write(piece)


OF_ONE: dict[str, Callable[..., Any]] = {
    "playlist": export_playlist,
    "listenbrainz": export_listenbrainz,
    "user": export_user,
}
"""By the word after `echotune export`."""
