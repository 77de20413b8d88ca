"""HetRec 2011 Last.fm: who played which artist how often. Artists stand in for tracks.

Takes the zip as published, the unpacked folder, or user_artists.dat (artists.dat is then looked for
beside it; without it an artist is called by number). Users keep their numbers as ids.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from service.domain import Listen, Track
from service.doors.importers import cell
from service.doors.importers.interactions import bare_track, plays
from service.doors.importers.row import (
    ONE_MS,
    UNTIMED,
    Options,
    Reading,
    Row,
    RowRejected,
    column,
    track_id,
    user_id,
)
from service.doors.importers.source import Source, check, members
from service.doors.importers.table import header, rows
from service.errors import UnusableFile

PLAYS, ARTISTS = "user_artists.dat", "artists.dat"


def read(paths: Sequence[Path], _options: Options) -> Reading:
    """Artists first, then one untimed listen for every user and artist.

    Raises:
        UnusableFile: user_artists.dat is not there, or one of the two cannot be read.
    """
    sources = [source for path in paths for source in _sources(path)]
    tables: list[Iterator[Row]] = []
    named: set[str] = set()
    for source in sources:
        names, _ = header(source, delimiter="\t")
        if "artistID" in names or "weight" in names:
            places = [
                column(names, [name], source.name) for name in ("userID", "artistID", "weight")
            ]
            tables.append(_plays(source, len(names), places, named))
        else:
            places = [column(names, [name], source.name) for name in ("id", "name")]
            tables.insert(0, _artists(source, len(names), places, named))
    return Reading(sum(source.lines for source in sources), chain.from_iterable(tables))


def _sources(path: Path) -> list[Source]:
    if path.is_dir():
        if not (path / PLAYS).is_file():
            raise UnusableFile(f"{path} holds no {PLAYS}; unpack hetrec2011-lastfm-2k.zip there")
        return _sources(path / PLAYS)
    inside = {name.rsplit("/", 1)[-1].lower() for name in members(path)} if path.is_file() else ()
    if inside:
        known = [name for name in (ARTISTS, PLAYS) if name in inside]
        return [check(path, known=[name]) for name in known] or [check(path, known=[PLAYS])]
    artists = path.with_name(ARTISTS)
    beside = [check(artists)] if path.name.startswith(PLAYS) and artists.is_file() else []
    return [*beside, check(path)]


def _artists(source: Source, width: int, places: list[int], named: set[str]) -> Iterator[Row]:
    for line, fields, _ in rows(source, "\t", width):
        made: Track | str
        try:
            made = _artist(*(fields[place] for place in places if place < len(fields)))
            named.add(made.id)
        except RowRejected as rejected:
            made = str(rejected)
        yield Row(source.name, line, fields, made)


def _artist(original: str = "", name: str = "") -> Track:
    name = cell.clean(_readable(name))[:500]
    return bare_track("hetrec", original, name=name or f"artist {original.strip()}")


def _plays(source: Source, width: int, places: list[int], named: set[str]) -> Iterator[Row]:
    user, artist, weight = places
    for line, fields, fault in rows(source, "\t", width):
        made: Listen | str
        bare = None
        try:
            made = fault or Listen(
                user_id=user_id(fields[user]),
                track_id=track_id("hetrec", fields[artist]),
                at=UNTIMED + line * ONE_MS,
                plays=plays(fields[weight]),
                timed=False,
                source="hetrec",
            )
        except RowRejected as rejected:
            made = str(rejected)
        if isinstance(made, Listen) and made.track_id not in named:
            named.add(made.track_id)
            original = fields[artist].strip()
            bare = bare_track("hetrec", original, name=f"artist {original}")
        yield Row(source.name, line, fields, made, bare)


def _readable(name: str) -> str:
    """Some copies of the file mix encodings: what is not UTF-8 is Windows Latin."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return name
