"""The Free Music Archive: echonest-metrics.json (features) and swooshstreams.csv (names as well).

The JSON is column by column: {"track_id": {"0": 2, …}, "energy": {"0": 0.63, …}, …}. Given
together, a track takes its name from the CSV; one that only the JSON has is kept without a name.
"""

import json
import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

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
from service.doors.importers.source import Source, check, members
from service.doors.importers.table import header, rows
from service.errors import UnusableFile

METRICS, STREAMS = "echonest-metrics.json", "swooshstreams.csv"
MOST_JSON = 1 << 30  # it is held in memory whole
NEEDED = ("track_id", "artist_name", "song_title")


def read(paths: Sequence[Path], options: Options) -> Reading:
    """The tracks of one or both files (or of a zip that holds them), each once.

    Raises:
        UnusableFile: a file cannot be read, or is neither of the two.
    """
    sources = [source for path in paths for source in _sources(path)]
    tables = [_metrics(one) if _is_json(one) else _streams(one, options) for one in sources]
    every_row = chain.from_iterable(table.rows for table in tables)
    return Reading(sum(table.total for table in tables), gathered(every_row))


def _sources(path: Path) -> list[Source]:
    inside = [name.rsplit("/", 1)[-1].lower() for name in members(path)] if path.is_file() else []
    known = [name for name in (METRICS, STREAMS) if name in inside]
    return [check(path, known=[name]) for name in known] or [check(path, known=(METRICS, STREAMS))]


def _is_json(source: Source) -> bool:
    with source.text() as text:
        return text.read(4_096).lstrip().startswith(("{", "["))


def _metrics(source: Source) -> Reading:
    columns = _columns(source)
    heard = [name for name in columns if name != "track_id"]

    def every_row() -> Iterator[Row]:
        for place, (key, original) in enumerate(columns["track_id"].items(), 1):
            cells = {name: str(columns[name].get(key, "")) for name in heard}
            made: Track | str
            try:
                made = _track(str(original), f"FMA track {original}", UNKNOWN, cells)
            except RowRejected as rejected:
                made = str(rejected)
            yield Row(source.name, place, [str(original), *cells.values()], made)

    return Reading(len(columns["track_id"]), every_row())


def _columns(source: Source) -> dict[str, dict[str, Any]]:
    if source.size > MOST_JSON:
        raise UnusableFile(
            f"{source.name} is over {MOST_JSON >> 30} GiB; split it into smaller files"
        )
    try:
        with source.text() as text:
            whole = text.read()
        columns = json.loads(whole)
    except json.JSONDecodeError as error:
        raise UnusableFile(
            f"{source.name} line {error.lineno}: not complete JSON ({error.msg} at character"
            f" {error.pos}); nothing was stored. Download it again"
        ) from error
    except RecursionError as error:
        raise UnusableFile(f"{source.name} line 1: JSON nested too deep; check the file") from error
    table = isinstance(columns, dict) and all(isinstance(one, dict) for one in columns.values())
    if not table or "track_id" not in columns:
        raise UnusableFile(
            f"{source.name} line 1: no column 'track_id' (a JSON object of columns is expected,"
            f" as in {METRICS}); check the format"
        )
    return dict(columns)


def _streams(source: Source, options: Options) -> Reading:
    names, delimiter = header(source, delimiter=options.delimiter)
    for needed in NEEDED:
        column(names, [needed], source.name)
    return Reading(source.lines, _stream_rows(source, delimiter, names))


def _stream_rows(source: Source, delimiter: str, names: list[str]) -> Iterator[Row]:
    for line, fields, fault in rows(source, delimiter, len(names)):
        made: Track | str
        try:
            made = fault or _named(dict(zip(names, fields, strict=True)))
        except RowRejected as rejected:
            made = str(rejected)
        yield Row(source.name, line, fields, made)


def _named(cells: dict[str, str]) -> Track:
    original = cells["track_id"].strip()
    genre = cell.clean(cells.get("genre_top", "")).lower()
    return _track(
        original,
        cell.clean(cells["song_title"]) or f"FMA track {original}",
        cell.clean(cells["artist_name"]) or UNKNOWN,
        cells,
        album=cell.clean(cells.get("album_name", "")),
        genres=[] if genre in cell.MISSING else [genre],
        popularity=_popularity(cell.number(cells.get("listens", ""), "listens")),
    )


def _popularity(listens: float | None) -> float | None:
    """0..100 on a log scale: 10 listens are 20, 100,000 and more are 100."""
    return None if listens is None else round(min(100.0, 20 * math.log10(1 + max(0, listens))), 1)


def _track(original: str, title: str, artist: str, cells: dict[str, str], **more: object) -> Track:
    return track(
        id=track_id("fma", original),
        title=title,
        artist=artist,
        features=cell.features(cells),
        aliases=aliases("fma", original),
        **more,
    )
