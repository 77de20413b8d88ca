"""Who played what: any CSV or TSV with a user and a track column, and maybe a time and a count.

A row without a time becomes an untimed listen. Its place in the file stands in for the time, so
importing the same file again finds every row already stored.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from msgspec import Struct

from service.domain import Listen, Track
from service.doors.importers.row import (
    ONE_MS,
    UNKNOWN,
    UNTIMED,
    Options,
    Reading,
    Row,
    RowRejected,
    aliases,
    column,
    track,
    track_id,
    user_id,
)
from service.doors.importers.source import Source, check
from service.doors.importers.table import header, rows
from service.errors import Invalid

INSIDE_ZIP = ("interactions.csv", "interactions.tsv", "listens.csv", "listens.tsv")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_PLAYS = 1_000_000


def read(paths: Sequence[Path], options: Options) -> Reading:
    """One listen a row.

    Raises:
        Invalid: the user or the track column is not named.
        UnusableFile: a file cannot be read, or lacks a column that was named.
    """
    if not options.user or not options.track:
        raise Invalid("interactions need --user COLUMN and --track COLUMN: name them as in line 1")
    sources = [check(path, known=INSIDE_ZIP) for path in paths]
    tables = [_rows(source, _layout(source, options), options) for source in sources]
    return Reading(sum(source.lines for source in sources), chain.from_iterable(tables))


class _Layout(Struct, frozen=True):
    """Which field of a row says what; a column that was not named is None."""

    delimiter: str
    width: int
    user: int
    track: int
    time: int | None
    count: int | None


def _layout(source: Source, options: Options) -> _Layout:
    names, delimiter = header(source, delimiter=options.delimiter)

    def place(name: str | None, option: str) -> int | None:
        return None if name is None else column(names, [name], source.name, option=option)

    return _Layout(
        delimiter,
        len(names),
        column(names, [options.user or ""], source.name, option="--user"),
        column(names, [options.track or ""], source.name, option="--track"),
        place(options.time, "--time"),
        place(options.count, "--count"),
    )


def _rows(source: Source, layout: _Layout, options: Options) -> Iterator[Row]:
    named: set[str] = set()
    for line, fields, fault in rows(source, layout.delimiter, layout.width):
        bare = None
        made: Listen | str
        try:
            made = fault or _listen(line, fields, layout, options.kind)
            if options.create_tracks and isinstance(made, Listen) and made.track_id not in named:
                bare = bare_track(options.kind, fields[layout.track])
                named.add(made.track_id)
        except RowRejected as rejected:
            made = str(rejected)
        yield Row(source.name, line, fields, made, bare)


def _listen(line: int, fields: list[str], layout: _Layout, kind: str) -> Listen:
    time, count = layout.time, layout.count
    return Listen(
        user_id=user_id(fields[layout.user]),
        track_id=track_id(kind, fields[layout.track]),
        at=UNTIMED + line * ONE_MS if time is None else moment(fields[time]),
        plays=1 if count is None else plays(fields[count]),
        timed=time is not None,
        source="import",
    )


def bare_track(kind: str, original: str, *, name: str | None = None) -> Track:
    """A track of which nothing is known but what its system calls it."""
    return track(
        id=track_id(kind, original),
        title=name or original.strip()[:200],
        artist=name or UNKNOWN,
        aliases=aliases(kind, original),
    )


def moment(text: str) -> datetime:
    """Unix time in seconds, ms or µs, or ISO 8601 (without an offset: UTC).

    Raises:
        RowRejected: it is none of these.
    """
    text = text.strip()
    try:
        if text.isdecimal():
            return EPOCH + timedelta(microseconds=int(text) * _microseconds_each(int(text)))
        if text.replace(".", "", 1).lstrip("-").isdecimal():
            return EPOCH + timedelta(seconds=float(text) * _microseconds_each(float(text)) / 1e6)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RowRejected(
            f"time {text[:40]!a} is neither unix seconds or ms nor ISO 8601"
        ) from error


def _microseconds_each(number: float) -> int:
    """Told apart by size: seconds reach 1e11 in the year 5138, ms were there in 1973."""
    if number < 1e11:
        return 1_000_000
    return 1_000 if number < 1e14 else 1


def plays(text: str) -> int:
    """How often it was played.

    Raises:
        RowRejected: not a whole number of 1 to 1,000,000.
    """
    text = text.strip()
    whole = text.removesuffix(".0")
    if not (whole.isdecimal() and len(whole) <= 7 and 1 <= int(whole) <= MOST_PLAYS):
        raise RowRejected(f"count {text[:40]!a} is no whole number of 1 to {MOST_PLAYS:,}")
    return int(whole)
