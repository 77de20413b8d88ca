"""Tracks as in the TidyTuesday and Kaggle CSVs that carry Spotify's audio features.

The many copies of these tables spell their columns differently; the first spelling found counts.
A track stands on one row per playlist: its genres are gathered, everything else is on every row.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from service.domain import Track
from service.doors.importers import cell
from service.doors.importers.gathering import gathered
from service.doors.importers.row import (
    UNKNOWN,
    Options,
    Reading,
    Row,
    RowRejected,
    aliases,
    column,
    track,
    track_id,
)
from service.doors.importers.source import Source, check
from service.doors.importers.table import header, rows

INSIDE_ZIP = ("spotify_songs.csv", "tracks.csv", "tracks_features.csv", "dataset.csv")
NEEDED = {
    "id": ("track_id", "id", "spotify_id"),
    "title": ("track_name", "trackname", "name", "title"),
    "artist": ("track_artist", "artistname", "artists", "artist_name", "artist"),
}
WELCOME = {
    "album": ("track_album_name", "album_name", "album"),
    "released": ("track_album_release_date", "album_release_date", "release_date", "year"),
    "popularity": ("track_popularity", "popularity"),
}
GENRES = ("playlist_genre", "playlist_subgenre", "track_genre", "genres", "genre")


def read(paths: Sequence[Path], options: Options) -> Reading:
    """The tracks of all files, each once.

    Raises:
        UnusableFile: a file cannot be read, or has no column for id, title or artist.
    """
    sources = [check(path, known=INSIDE_ZIP) for path in paths]
    tables = [_rows(source, *_layout(source, options)) for source in sources]
    return Reading(sum(source.lines for source in sources), gathered(chain.from_iterable(tables)))


def _layout(source: Source, options: Options) -> tuple[str, list[str], dict[str, str]]:
    """The delimiter, the columns, and which of them says what."""
    names, delimiter = header(source, delimiter=options.delimiter)
    names = [name.lower() for name in names]
    says = {what: names[column(names, known, source.name)] for what, known in NEEDED.items()}
    for what, known in WELCOME.items():
        if there := [name for name in known if name in names]:
            says[what] = there[0]
    return delimiter, names, says


def _rows(source: Source, delimiter: str, names: list[str], says: dict[str, str]) -> Iterator[Row]:
    for line, fields, fault in rows(source, delimiter, len(names)):
        made: Track | str
        try:
            made = fault or _track(dict(zip(names, fields, strict=True)), says)
        except RowRejected as rejected:
            made = str(rejected)
        yield Row(source.name, line, fields, made)


def _track(cells: dict[str, str], says: dict[str, str]) -> Track:
    said = {what: cells[name] for what, name in says.items()}
    title, artist = _named(cell.clean(said["title"]), said["artist"])
    duration_ms = cell.number(cells.get("duration_ms", ""), "duration_ms")
    return track(
        id=track_id("import", said["id"]),
        title=title,
        artist=artist,
        album=cell.clean(said.get("album", "")) if title != UNKNOWN else "",
        genres=_genres(cells),
        features=cell.features(cells),
        duration_ms=round(duration_ms) if duration_ms else None,
        released=cell.day(said.get("released", "")),
        explicit=cells.get("explicit", "").strip().lower() in {"true", "1", "1.0", "yes"},
        popularity=cell.number(said.get("popularity", ""), "popularity"),
        aliases=aliases("import", said["id"]),
    )


def _named(title: str, artists: str) -> tuple[str, str]:
    """Title and artist. A withdrawn track has neither (R writes NA), yet people listened to it."""
    artist = cell.clean(", ".join(cell.names(artists)))
    if title in {"", "NA"} and artist in {"", "NA"}:
        return UNKNOWN, UNKNOWN
    return title or UNKNOWN, artist or UNKNOWN


def _genres(cells: dict[str, str]) -> list[str]:
    found = (
        cell.clean(genre).lower()
        for name in GENRES
        if name in cells
        for part in cell.names(cells[name])
        for genre in part.split(",")
    )
    return list(dict.fromkeys(genre for genre in found if genre not in cell.MISSING))[:32]
