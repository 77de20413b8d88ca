"""What Spotify gives people of their own listening: the extended history and the account data.

Each entry of the extended history says where, on what and from which address it was played. Of an
entry only the fields of `_Stream` are ever decoded: the rest is in no object, no reject and no log.
Skips are kept, they say what somebody does not want.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from service.domain import HEARD_MS, Action, milliseconds
from service.doors.importers.heard import (
    Entry,
    Heard,
    attempt,
    clock,
    heard,
    listener,
    parts,
    told,
    whole,
)
from service.doors.importers.recording import DAY_MS, recording
from service.doors.importers.row import Options, Reading, RowRejected

FILES = re.compile(
    r"(?:^|/)(?:Streaming_History_Audio_[^/]*|endsong_\d+|StreamingHistory(?:_music_)?\d+)\.json$"
)
URI = "spotify:track:"
SAME_MS = 30_000
"""In older files `ts` is not exact: the same track, as long, so close, is the same listen."""
Near = dict[tuple[object, int, int], int]  # what was heard, ms played, half minute -> ms


class _Stream(Struct, frozen=True):
    """All that is read of an entry, of either kind."""

    ts: str | None = None  # when it ended
    ms_played: int | None = None
    master_metadata_track_name: str | None = None
    master_metadata_album_artist_name: str | None = None
    master_metadata_album_album_name: str | None = None
    spotify_track_uri: str | None = None
    reason_end: str | None = None
    skipped: bool | None = None
    incognito_mode: bool | None = None
    endTime: str | None = None  # noqa: N815 - as it is spelled there
    msPlayed: int | None = None  # noqa: N815
    artistName: str | None = None  # noqa: N815
    trackName: str | None = None  # noqa: N815


def read(paths: Sequence[Path], options: Options) -> Reading:
    """The listens of all files; a zip as it came is one of them.

    Raises:
        Invalid: nobody says whose they are.
        UnusableFile: a file cannot be read, or is no such history.
    """
    user = listener(options, "spotify")
    sources = [source for path in paths for source in parts(path, FILES)]
    histories = [(source, whole(source, list[Raw])) for source in sources]
    near: Near = {}
    rows = (told(source, _entries(raws, user, near)) for source, raws in histories)
    return Reading(sum(len(raws) for _, raws in histories), chain.from_iterable(rows))


def _entries(raws: list[Raw], user: str, near: Near) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(_Stream, strict=False)  # skipped: null, true or 0
    for line, raw in enumerate(raws, 1):
        try:
            stream = decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            yield Entry(line, (), "not an entry of Spotify's history")
            continue
        if stream.incognito_mode:
            yield Entry(line, (), "a private session: left out")
            continue
        said = attempt(lambda stream=stream: _heard(stream, user))  # type: ignore[misc]
        again = isinstance(said, Heard) and _came_before(said, near)
        yield Entry(line, _shown(stream), None if again else said)


def _heard(stream: _Stream, user: str) -> Heard:
    title = stream.master_metadata_track_name or stream.trackName
    artist = stream.master_metadata_album_artist_name or stream.artistName
    if not title or not artist:
        raise RowRejected("no music: a podcast, an audiobook or a track without a name")
    played = stream.ms_played if stream.ms_played is not None else stream.msPlayed
    if played is None or not 0 <= played <= DAY_MS:
        raise RowRejected("no length of play between 0 and a day")
    what = recording(
        artist,
        title,
        album=stream.master_metadata_album_album_name or "",
        spotify=(stream.spotify_track_uri or "").removeprefix(URI),
    )
    at = _ended(stream) - timedelta(milliseconds=played)
    return heard(what, user, at, action=_action(stream, played), ms_played=played, source="spotify")


def _ended(stream: _Stream) -> datetime:
    if stream.ts is not None:
        return clock(stream.ts, "%Y-%m-%dT%H:%M:%SZ")
    if stream.endTime is not None:
        return clock(stream.endTime, "%Y-%m-%d %H:%M")
    raise RowRejected("no time")


def _action(stream: _Stream, played: int) -> Action:
    """Away within 30 s is a skip; an end that came by itself is none."""
    left = stream.reason_end == "fwdbtn" or (stream.skipped and stream.reason_end != "trackdone")
    return "skip" if left and played < HEARD_MS else "play"


def _came_before(said: Heard, near: Near) -> bool:
    at, what = milliseconds(said.listen.at), (said.of, said.listen.ms_played or 0)
    place = at // SAME_MS
    for close in (place - 1, place, place + 1):
        known = near.get((*what, close))
        if known is not None and abs(at - known) <= SAME_MS:
            return True
    near[*what, place] = at
    return False


def _shown(stream: _Stream) -> tuple[str, ...]:
    says = (
        stream.ts or stream.endTime,
        stream.master_metadata_album_artist_name or stream.artistName,
        stream.master_metadata_track_name or stream.trackName,
        stream.spotify_track_uri,
    )
    return tuple(one or "" for one in says)
