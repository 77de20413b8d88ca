"""echotune events: the stream that all processes share, from a terminal."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import msgspec
import rich_click as click

from service.bus import Stream
from service.bus.schema import asyncapi, refreshed
from service.errors import Invalid, UnknownEvent
from service.settings import Settings

Answer = TypeVar("Answer")


@click.group()
def events() -> None:
    """Look after the events in the Redis of ECHOTUNE_EVENTS_REDIS_URL.

    Without it events live in the server's own process; there it is /v1/events that shows them.
    """


@events.command()
def lag() -> None:
    """How far behind each group and reader is, one a line."""
    for group, behind in _ask(lambda stream: stream.lags()).items():
        click.echo(msgspec.json.encode({"group": group} | msgspec.to_builtins(behind)))


@events.command()
def dead() -> None:
    """The events that were set aside, one a line, newest first; `body` is what travelled."""
    for fact in _ask(lambda stream: stream.dead()):
        body = fact.body.decode(errors="replace")
        click.echo(msgspec.json.encode(msgspec.to_builtins(fact) | {"body": body}))


@events.command()
@click.argument("place")
def replay(*, place: str) -> None:
    """Tell the dead event at PLACE again, once, as the newest.

    Example: echotune events replay 1780000000000-0
    """
    if not _ask(lambda stream: stream.replay(place)):
        raise UnknownEvent(f"no dead event is at {place}: echotune events dead lists them")
    click.echo(f"{place} is told again")


@events.command()
def trim() -> None:
    """Remove what every group and reader is through with; processes do so every ten seconds."""
    click.echo(f"{_ask(lambda stream: stream.trim()):,} events removed")


@events.command()
@click.option(
    "--page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write the table of facts into this page instead.",
)
def schema(*, page: Path | None) -> None:
    """Print what facts look like, as an AsyncAPI document.

    Example: echotune events schema > docs/asyncapi.json
    """
    if page is None:
        document = asyncapi(metadata.version("echotune"))
        click.echo(msgspec.json.format(msgspec.json.encode(document)))
        return
    try:
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
    except ValueError as error:
        raise Invalid(str(error)) from error


def _ask(question: Callable[[Stream], Awaitable[Answer]]) -> Answer:
    settings = Settings.from_env(os.environ)
    if settings.events_redis_url is None:
        raise Invalid(
            "ECHOTUNE_EVENTS_REDIS_URL is not set: events live in the server's own process,"
            " and GET /v1/events/dead of that server lists those that were set aside"
        )

    async def answer() -> Answer:
        from service.adapters import open_stream

        stream = open_stream(settings)
        try:
            return await question(stream)
        finally:
            await stream.close()

    return asyncio.run(answer())
