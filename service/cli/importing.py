"""`echotune import` and `echotune demo`: fill the store, with a bar to watch and sums to check."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec
import rich_click as click
from click.exceptions import Exit
from msgspec import Struct
from rich.console import Console

from service.cli.import_sums import print_sums
from service.cli.progress import bar
from service.errors import Invalid
from service.settings import Settings

if TYPE_CHECKING:
    from service.domain import User
    from service.doors.importers import Options, Row, Summary
    from service.store import Store

EXPORT = "echotune"
FORMATS = (
    EXPORT,
    "tracks-spotify",
    "tracks-jsonl",
    "listens-jsonl",
    "interactions",
    "fma",
    "hetrec",
    "spotify",
    "listenbrainz",
    "lastfm",
    "scrobbler-log",
    "maloja",
)
USERS_AT_ONCE = 256
LISTENS = 200_000  # of the demo world, if nobody says otherwise


@click.command("import", short_help="Read tracks or listens from files.")
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--user",
    metavar="NAME",
    help="interactions: the column of the user id; histories: whose they are.",
)
@click.option("--track", metavar="COLUMN", help="interactions: the column of the track id.")
@click.option(
    "--time",
    metavar="COLUMN",
    help="interactions: when; unix seconds or ms, or ISO 8601. Without it listens are untimed:"
    " they count for taste, not for trends.",
)
@click.option("--count", metavar="COLUMN", help="interactions: how many plays a row stands for.")
@click.option(
    "--delimiter", metavar="CHAR", help="Between columns; guessed from line 1 if not given."
)
@click.option(
    "--kind",
    metavar="SYSTEM",
    default="import",
    show_default=True,
    help="interactions: whose track ids these are; fma and hetrec name tracks of those imports.",
)
@click.option(
    "--create-tracks",
    is_flag=True,
    help="interactions: make a bare track (title = id) of every track that the catalogue lacks.",
)
@click.option("--dry-run", is_flag=True, help="Store nothing; say what would be stored.")
def import_(format_: str, paths: tuple[Path, ...], *, dry_run: bool, **options: object) -> None:
    """Read tracks or listens from files: plain, .gz or .zip.

    Every row is stored, a duplicate, or rejected; rejected rows go to DATA_DIR/rejects with their
    line and the reason. Importing a file twice changes nothing. Tracks come before listens.

    \b
    tracks-spotify  CSV with Spotify's audio features (TidyTuesday, Kaggle)
        echotune import tracks-spotify spotify_songs.csv.gz
    interactions    CSV or TSV: who played what
        echotune import interactions plays.csv --user user_id --track track_id --time played_at
    tracks-jsonl    one Track of the HTTP API a line
        echotune import tracks-jsonl tracks.jsonl.gz
    listens-jsonl   one Listen of the HTTP API a line
        echotune import listens-jsonl listens.jsonl
    fma             Free Music Archive, best both files together
        echotune import fma echonest-metrics.json swooshstreams.csv
    echotune        a folder or file that `echotune export` wrote
        echotune import echotune backup
    hetrec          HetRec 2011 Last.fm, artists as tracks
        echotune import hetrec hetrec2011-lastfm-2k.zip
    spotify         what Spotify knows of one listener: extended history or account data
        echotune import spotify my_spotify_data.zip --user ada --dry-run
    listenbrainz    an export of ListenBrainz, or of `echotune export listenbrainz`
        echotune import listenbrainz listenbrainz_ada.zip --user ada
    lastfm          Last.fm histories, CSV or JSON
        echotune import lastfm scrobbles.csv --user ada
    scrobbler-log   .scrobbler.log of Rockbox
        echotune import scrobbler-log .scrobbler.log --user ada
    maloja          an export of Maloja
        echotune import maloja maloja_export.json --user ada
    """  # noqa: D301 - click wants the character, not the two letters
    if format_ == EXPORT:
        if dry_run:
            raise Invalid("--dry-run is for files of others; an export says in its manifest")
        _restore(paths)
        return
    from service.doors.importers import Options

    said = msgspec.convert(options, Options)
    said = msgspec.structs.replace(said, delimiter=_delimiter(said.delimiter))
    started = perf_counter()
    settings, console = Settings.from_env(os.environ), Console(stderr=True)
    summary = read_into(settings, format_, paths, said, console, dry_run=dry_run)
    print_sums(summary, perf_counter() - started, dry_run=dry_run)
    if not summary.usable:
        raise Exit(1)


def read_into(
    settings: Settings,
    format_: str,
    paths: Sequence[Path],
    said: "Options",
    console: Console,
    *,
    dry_run: bool = False,
) -> "Summary":
    """Read files of one format into the store the settings name, or only into memory."""
    from service.doors.importers import FORMATS as READERS

    reading = READERS[format_](paths, said)
    rejects = settings.home / "rejects" / f"{format_}-{paths[0].name or 'here'}.jsonl"
    rows = _Rows(reading.rows, reading.total, format_, rejects)
    return asyncio.run(_fill(settings, rows, console, dry_run=dry_run))


def _restore(folders: Sequence[Path]) -> None:
    from service.cli.exporting import restore

    settings, console = Settings.from_env(os.environ), Console(stderr=True)
    for folder in folders:
        new = asyncio.run(restore(settings, folder, console))
        click.echo(f"imported {folder}: {new:,} listens were new")


@click.command(short_help="Fill the store with a generated music world.")
@click.option("--seed", default=7, show_default=True, help="Another seed, another world.")
@click.option("--tracks", default=6_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--listeners", default=2_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--listens", default=LISTENS, show_default=True, type=click.IntRange(1, 50_000_000))
@click.option(
    "--now",
    metavar="TIME",
    help="When the 90 days end, ISO 8601; the same seed and time give the same world."
    " Default: the last full hour.",
)
def demo(seed: int, tracks: int, listeners: int, listens: int, now: str | None) -> None:
    """Fill the store with a generated music world, so that nothing needs downloading.

    Artists, tracks and listeners never existed. Listeners have tastes, habits and moods; they
    repeat, skip, like and rate.

    \b
        echotune demo
        echotune demo --seed 12 --tracks 50000 --listeners 20000 --listens 2000000
    """  # noqa: D301 - click wants the character, not the two letters
    started = perf_counter()
    size = {"seed": seed, "tracks": tracks, "listeners": listeners, "listens": listens}
    settings, console = Settings.from_env(os.environ), Console(stderr=True)
    summary = make_demo(settings, console=console, now=_moment(now), **size)
    print_sums(summary, perf_counter() - started)


def make_demo(
    settings: Settings, *, console: Console, now: datetime | None = None, **size: int
) -> "Summary":
    """Store the demo world; `size` and `now` as `service.doors.demo.world` takes them."""
    from service.doors.demo import world

    with console.status("generating a music world"):
        made = world(now=now or _moment(None), **size)
    total = len(made.tracks) + size.get("listens", LISTENS)
    rows = _Rows(made.rows(), total, "storing the demo world")
    return asyncio.run(_fill(settings, rows, console, users=made.users))


class _Rows(Struct, frozen=True):
    """Rows on their way into the store, and what to call them."""

    rows: "Iterator[Row]"
    total: int
    title: str
    rejects: Path | None = None


async def _fill(
    settings: Settings,
    source: _Rows,
    console: Console,
    *,
    users: "Sequence[User]" = (),
    dry_run: bool = False,
) -> "Summary":
    """Open the store the settings name, put users and rows into it, close it whatever happens.

    Processes that run hear of it by the stream if the settings name one, else they see the store
    grow. A dry run puts them into a store in memory, and nobody hears of it.
    """
    from service.adapters import open_scratch, open_store, open_stream
    from service.bus import Bus
    from service.doors.identity.standalone import standalone_resolver
    from service.doors.importers import run
    from service.doors.importers.rehearsal import furnish
    from service.learn.ingest import Ingest
    from service.learn.shelf import Shelf

    told = settings.events_redis_url and not dry_run
    stream = open_stream(settings) if told else None
    store, bus = await open_store(settings), Bus(stream)
    try:
        target = open_scratch() if dry_run else store
        shelf = Shelf(target, bus)
        prepare = await furnish(target, store) if dry_run else None
        known = {track.id for track in await target.tracks()}
        await _settle(target, users)
        with bar(source.title, source.total, console) as advance:
            return await run(
                source.rows,
                target,
                shelf,
                Ingest(target, bus, known.__contains__),
                known=known,
                resolver=lambda: standalone_resolver(target, shelf, bus),
                rejects=source.rejects,
                prepare=prepare,
                on_progress=lambda summary: advance(summary.read),
            )
    finally:
        await store.close()
        if stream is not None:
            await stream.close()


async def _settle(store: "Store", users: "Sequence[User]") -> None:
    """Store what users say of themselves, many to a commit; who is already there stays as is."""
    from service.domain import UserSettings

    async def settle(user: "User") -> None:
        if await store.user(user.id) is None:
            said = UserSettings(
                preferences=user.preferences,
                demographics=user.demographics,
                timezone=user.timezone,
            )
            await store.put_user(user.id, said)

    for start in range(0, len(users), USERS_AT_ONCE):
        await asyncio.gather(*map(settle, users[start : start + USERS_AT_ONCE]))


def _delimiter(text: str | None) -> str | None:
    named = {"tab": "\t", "\\t": "\t"}
    text = named.get(text, text) if text else None
    if text is not None and (len(text) != 1 or text in '"\r\n'):
        raise Invalid(f"--delimiter must be one character (or tab), got {text!r}")
    return text


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        now = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"--now must be a time in ISO 8601, got {text!r}") from error
    return now if now.tzinfo else now.replace(tzinfo=UTC)
