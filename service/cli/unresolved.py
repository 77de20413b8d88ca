"""echotune unresolved: names that players sent and the catalogue was not sure about."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec
import rich_click as click

if TYPE_CHECKING:
    from service.doors.identity import Review
from service.settings import Settings

Answer = TypeVar("Answer")


@click.group()
def unresolved() -> None:
    """Look through names that were guessed or became tracks of their own, and settle them.

    A server that runs follows within seconds. Nothing is lost: `split` takes a merge back.
    """


@unresolved.command("list")
def list_() -> None:
    """Names, the track they mean now and how alike they are, one a line; no score: a new track."""
    for one in _review(lambda review: review.unresolved()):
        click.echo(msgspec.json.encode(one))


@unresolved.command()
@click.argument("artist")
@click.argument("title")
@click.argument("track_id")
def assign(*, artist: str, title: str, track_id: str) -> None:
    """These names mean TRACK_ID from now on; a track that was made of them is merged into it."""
    changed = _review(lambda review: review.assign(artist, title, track_id))
    click.echo(f"{artist} - {title} is {track_id} now: {changed:,} aliases changed")


@unresolved.command()
@click.argument("track_id")
@click.argument("into_id")
def merge(*, track_id: str, into_id: str) -> None:
    """All that TRACK_ID is called means INTO_ID; its listens stay and count for the same work."""
    changed = _review(lambda review: review.merge(track_id, into_id))
    click.echo(f"{track_id} is {into_id} now: {changed:,} aliases changed")


@unresolved.command()
@click.argument("track_id")
def split(*, track_id: str) -> None:
    """Take the merge of TRACK_ID back."""
    changed = _review(lambda review: review.split(track_id))
    click.echo(f"{track_id} is its own again: {changed:,} aliases changed")


def _review(ask: Callable[["Review"], Awaitable[Answer]]) -> Answer:
    return asyncio.run(_asked(Settings.from_env(os.environ), ask))


async def _asked(settings: Settings, ask: Callable[["Review"], Awaitable[Answer]]) -> Answer:
    from service.adapters import open_store, open_stream
    from service.bus import Bus
    from service.doors.identity import Review
    from service.doors.identity.standalone import standalone_resolver
    from service.learn.shelf import Shelf

    stream = open_stream(settings) if settings.events_redis_url else None
    store = await open_store(settings)
    try:
        bus = Bus(stream)
        shelf = Shelf(store, bus)
        resolver = await standalone_resolver(store, shelf, bus)
        return await ask(Review(store, shelf, resolver))
    finally:
        await store.close()
        if stream is not None:
            await stream.close()
