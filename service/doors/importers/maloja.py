"""An export of Maloja: {"scrobbles": [{"time", "track": {"artists", "title", …}, "duration"}]}."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from service.doors.importers.heard import (
    Entry,
    Heard,
    each,
    heard,
    listener,
    moment,
    parts,
    told,
    whole,
)
from service.doors.importers.recording import DAY_MS, recording
from service.doors.importers.row import Options, Reading

FILES = re.compile(r"\.json$")


class _Album(Struct, frozen=True):
    albumtitle: str | None = None


class _Track(Struct, frozen=True):
    title: str
    artists: list[str]
    album: _Album | None = None
    length: float | None = None  # seconds


class _Scrobble(Struct, frozen=True):
    time: float
    track: _Track
    duration: float | None = None  # seconds that were heard


class _Export(Struct, frozen=True):
    scrobbles: list[Raw]


def read(paths: Sequence[Path], options: Options) -> Reading:
    """The listens of all exports.

    Raises:
        Invalid: nobody says whose they are.
        UnusableFile: a file cannot be read, or is no export of Maloja.
    """
    user = listener(options, "maloja")
    sources = [source for path in paths for source in parts(path, FILES)]
    found = [(source, whole(source, _Export).scrobbles) for source in sources]
    rows = chain.from_iterable(told(source, _entries(raws, user)) for source, raws in found)
    return Reading(sum(len(raws) for _, raws in found), rows)


def _entries(raws: list[Raw], user: str) -> Iterator[Entry]:
    return each(
        raws,
        msgspec.json.Decoder(_Scrobble),
        "a scrobble of Maloja",
        shown=lambda one: (str(one.time), ", ".join(one.track.artists), one.track.title),
        make=lambda one: _heard(one, user),
    )


def _heard(one: _Scrobble, user: str) -> Heard:
    made = recording(
        ", ".join(one.track.artists),
        one.track.title,
        album=(one.track.album.albumtitle if one.track.album else None) or "",
        duration_ms=one.track.length * 1000 if one.track.length else None,
    )
    played = one.duration * 1000 if one.duration else None
    ms_played = round(played) if played and 0 < played <= DAY_MS else None
    return heard(made, user, moment(one.time), ms_played=ms_played, source="maloja")
