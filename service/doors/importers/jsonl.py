"""Our own Structs, one JSON object a line: what the HTTP API takes, `echotune import` takes too."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from service.domain import Listen, Track
from service.doors.importers.row import Options, Reading, Row
from service.doors.importers.source import Source, check


def read_tracks(paths: Sequence[Path], _options: Options) -> Reading:
    """One Track a line.

    Raises:
        UnusableFile: a file cannot be read.
    """
    sources = [check(path, known=["tracks.jsonl"]) for path in paths]
    rows = chain.from_iterable(_rows(source, Track) for source in sources)
    return Reading(sum(source.lines for source in sources), _once(rows))


def read_listens(paths: Sequence[Path], _options: Options) -> Reading:
    """One Listen a line.

    Raises:
        UnusableFile: a file cannot be read.
    """
    sources = [check(path, known=["listens.jsonl"]) for path in paths]
    rows = chain.from_iterable(_rows(source, Listen) for source in sources)
    return Reading(sum(source.lines for source in sources), rows)


def _rows(source: Source, kind: type[Track] | type[Listen]) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(kind)
    with source.text() as text:
        for line, raw in enumerate(text, 1):
            if raw.isspace():
                continue
            made: Track | Listen | str
            try:
                made = decoder.decode(raw)
            except UnicodeError:
                made = "not UTF-8 text"
            except (msgspec.DecodeError, RecursionError) as error:
                made = str(error)
            yield Row(source.name, line, (raw.rstrip("\r\n"),), made)


def _once(rows: Iterator[Row]) -> Iterator[Row]:
    """Refuse a second, different version of a track: which one is meant, nobody can say."""
    seen: dict[str, tuple[str, int, int]] = {}
    for row in rows:
        if isinstance(row.made, Track):
            content = hash(msgspec.msgpack.encode(row.made))
            source, line, before = seen.setdefault(row.made.id, (row.source, row.line, content))
            if (source, line) != (row.source, row.line):
                other = f"track {row.made.id} is on line {line} of {source} with other values"
                yield msgspec.structs.replace(row, made=None if content == before else other)
                continue
        yield row
