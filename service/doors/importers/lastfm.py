"""Last.fm histories as the usual tools write them: CSV with or without a header, and JSON pages.

With: `uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid`. Without:
`artist,album,track,"19 Aug 2026 20:48"`. JSON: what user.getRecentTracks answers, page by page.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from service.doors.importers.heard import (
    Entry,
    Heard,
    attempt,
    clock,
    each,
    heard,
    listener,
    moment,
    parts,
    told,
    whole,
)
from service.doors.importers.recording import recording
from service.doors.importers.row import Options, Reading, RowRejected, column
from service.doors.importers.source import Source
from service.doors.importers.table import header, rows

FILES = re.compile(r"\.(?:csv|json)$")
HEADED = "uts"
BARE = ("artist", "album", "track", "time")


class _Name(Struct, frozen=True):
    text: str = field(default="", name="#text")


class _Date(Struct, frozen=True):
    uts: str | int


class _Track(Struct, frozen=True):
    name: str
    artist: _Name
    album: _Name = _Name()
    mbid: str = ""
    date: _Date | None = None  # none while it is playing


def read(paths: Sequence[Path], options: Options) -> Reading:
    """The listens of all files.

    Raises:
        Invalid: nobody says whose they are.
        UnusableFile: a file cannot be read.
    """
    user = listener(options, "lastfm")
    sources = [source for path in paths for source in parts(path, FILES)]
    tables = [_json(one, user) if _is_json(one) else _csv(one, user) for one in sources]
    return Reading(
        sum(table.total for table in tables), chain.from_iterable(table.rows for table in tables)
    )


def _is_json(source: Source) -> bool:
    with source.text() as text:
        return text.read(4_096).lstrip().startswith(("{", "["))


def _csv(source: Source, user: str) -> Reading:
    names, delimiter = header(source)
    headed = HEADED in names
    if not headed:
        if len(names) != len(BARE):
            column(names, [HEADED], source.name)
        names = list(BARE)

    def entries() -> Iterator[Entry]:
        for line, fields, fault in rows(source, delimiter, len(names), headed=headed):
            cells = dict(zip(names, fields, strict=False))
            said = fault or attempt(lambda cells=cells: _from_cells(cells, user))  # type: ignore[misc]
            yield Entry(line, fields, said)

    return Reading(source.lines, told(source, entries()))


def _from_cells(cells: dict[str, str], user: str) -> Heard:
    made = recording(
        cells.get("artist", ""),
        cells.get("track", ""),
        album=cells.get("album", ""),
        mbid=cells.get("track_mbid", ""),
    )
    if HEADED not in cells:
        return heard(made, user, clock(cells["time"], "%d %b %Y %H:%M"), source="lastfm")
    return heard(made, user, moment(_seconds(cells[HEADED])), source="lastfm")


def _seconds(text: str | int) -> int:
    text = str(text).strip()
    if not text.isdecimal() or len(text) > 12:
        raise RowRejected(f"uts {text[:40]!a} is no unix time")
    return int(text)


def _json(source: Source, user: str) -> Reading:
    pages: Any = whole(source, list[Raw] | dict[str, Raw])
    tracks = [raw for page in _pages(pages) for raw in page]

    entries = each(
        tracks,
        msgspec.json.Decoder(_Track),
        "a track of Last.fm",
        shown=lambda track: (track.artist.text, track.name),
        make=lambda track: _from_track(track, user),
    )
    return Reading(len(tracks), told(source, entries))


def _pages(found: list[Raw] | dict[str, Raw]) -> Iterator[list[Raw]]:
    """The tracks of each page, however deep the tool that wrote them has put them."""
    for page in found if isinstance(found, list) else [*found.values()]:
        try:
            inner: Any = msgspec.json.decode(page, type=dict[str, Raw] | list[Raw])
        except msgspec.DecodeError:
            continue  # a number of pages or the like
        if isinstance(inner, list):  # {"track": […]}, as inside of recenttracks
            yield inner
        elif "track" in inner:
            yield msgspec.json.decode(inner["track"], type=list[Raw])
        elif "name" in inner:
            yield [page]


def _from_track(track: _Track, user: str) -> Heard:
    made = recording(track.artist.text, track.name, album=track.album.text, mbid=track.mbid)
    if track.date is None:
        raise RowRejected("no time: it was playing when the history was written")
    return heard(made, user, moment(_seconds(track.date.uts)), source="lastfm")
