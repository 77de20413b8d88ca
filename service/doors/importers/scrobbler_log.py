"""`.scrobbler.log` of Rockbox and others: artist, album, title, number, length, rating, time, MBID.

Tabs between, `#` before what is said of the file. Rating L is a listen, S was skipped. The clock of
a player knows no zone (`#TZ/UNKNOWN`): its times are taken as UTC.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from service.domain import Action
from service.doors.importers.heard import (
    Entry,
    Heard,
    attempt,
    heard,
    listener,
    moment,
    parts,
    told,
)
from service.doors.importers.recording import recording
from service.doors.importers.row import Options, Reading, RowRejected
from service.doors.importers.source import Source

FILES = re.compile(r"scrobbler\.log$")
FIELDS = 7  # and perhaps an MBID
RATINGS: dict[str, Action] = {"L": "play", "S": "skip"}


def read(paths: Sequence[Path], options: Options) -> Reading:
    """The listens of all logs.

    Raises:
        Invalid: nobody says whose they are.
        UnusableFile: a file cannot be read.
    """
    user = listener(options, "scrobbler-log")
    sources = [source for path in paths for source in parts(path, FILES)]
    rows = chain.from_iterable(told(one, _entries(one, user)) for one in sources)
    return Reading(sum(source.lines for source in sources), rows)


def _entries(source: Source, user: str) -> Iterator[Entry]:
    with source.text() as text:
        for number, line in enumerate(text, 1):
            if line.isspace() or line.startswith("#"):
                continue
            fields = line.rstrip("\r\n").split("\t")
            yield Entry(number, fields, attempt(lambda fields=fields: _heard(fields, user)))  # type: ignore[misc]


def _heard(fields: list[str], user: str) -> Heard:
    if len(fields) < FIELDS:
        raise RowRejected(f"{len(fields)} fields where a log has {FIELDS} or more")
    artist, album, title, _, length, rating, time = fields[:FIELDS]
    mbid = fields[FIELDS] if len(fields) > FIELDS else ""
    if rating not in RATINGS:
        raise RowRejected(f"rating {rating[:10]!a} is neither L nor S")
    if not time.isdecimal() or len(time) > 12:
        raise RowRejected(f"time {time[:40]!a} is no unix time")
    try:
        "".join(fields).encode()
    except UnicodeEncodeError as error:
        raise RowRejected("not UTF-8 text") from error
    duration_ms = int(length) * 1000 if length.isdecimal() and len(length) < 9 else None
    made = recording(artist, title, album=album, duration_ms=duration_ms, mbid=mbid)
    return heard(made, user, moment(int(time)), action=RATINGS[rating], source="rockbox")
