"""An export of ListenBrainz: a zip with `listens/<year>/<month>.jsonl` and `feedback.jsonl`.

Lines that EchoTune wrote say more under `echotune`, and come back as they were. Of others, what
their server worked out (mbid_mapping, inserted_at) is left behind.
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from service.domain import Action, Listen, ListenId, Track, TrackId, Word, milliseconds
from service.doors.identity import Claim
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
from service.doors.importers.row import Options, Reading, RowRejected, track
from service.doors.importers.source import Source
from service.doors.listenbrainz.listening import SOURCE, listen_id

FILES = re.compile(r"(?:^|/)(?:listens/\d{4}/\d{1,2}|feedback|echotune)\.jsonl$")
SPOTIFY_URL = "https://open.spotify.com/track/"
SCORES: dict[int, Action] = {1: "like", -1: "dislike"}


class Own(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A listen without whose it is, as EchoTune's own lines carry it."""

    id: ListenId
    track_id: TrackId
    at: datetime
    action: Action = "play"
    plays: int = 1
    timed: bool = True
    ms_played: int | None = None
    rating: float | None = None
    source: Word = ""
    device: Word | None = None
    context: Word | None = None
    list_id: Word | None = None


class Metadata(Struct, frozen=True, omit_defaults=True):
    """What a line says of the recording."""

    artist_name: str
    track_name: str
    release_name: str | None = None
    additional_info: dict[str, Any] | None = None
    recording_msid: str | None = None


class Line(Struct, frozen=True, omit_defaults=True):
    """A listen or a verdict."""

    listened_at: float | None = None
    recording_msid: str | None = None
    recording_mbid: str | None = None
    score: int | None = None
    created: float | None = None
    track_metadata: Metadata | None = None
    echotune: Own | None = None


def read(paths: Sequence[Path], options: Options) -> Reading:
    """Listens first, then what was said of recordings that were listened to.

    Raises:
        Invalid: nobody says whose they are.
        UnusableFile: a file cannot be read.
    """
    user = listener(options, "listenbrainz")
    sources = [source for path in paths for source in parts(path, FILES)]
    sources.sort(key=lambda source: source.name.endswith("feedback.jsonl"))
    known: dict[str, Claim | Track] = {}
    rows = chain.from_iterable(told(one, _entries(one, user, known)) for one in sources)
    return Reading(sum(source.lines for source in sources), rows)


def _entries(source: Source, user: str, known: dict[str, Claim | Track]) -> Iterator[Entry]:
    decoder = msgspec.json.Decoder(Line)
    with source.text() as text:
        for number, raw in enumerate(text, 1):
            if raw.isspace():
                continue
            try:
                line = decoder.decode(raw)
            except UnicodeError:
                yield Entry(number, (), "not UTF-8 text")
            except (msgspec.DecodeError, RecursionError) as error:
                yield Entry(number, (), f"not a line of ListenBrainz: {error}"[:300])
            else:
                said = attempt(lambda line=line: _heard(line, user, known))  # type: ignore[misc]
                yield Entry(number, _shown(line), said)


def _heard(line: Line, user: str, known: dict[str, Claim | Track]) -> Heard:
    if line.track_metadata is None:
        found = known.get(line.recording_mbid or "") or known.get(line.recording_msid or "")
        if found is None:
            raise RowRejected("feedback on a recording that no listen here is of")
    else:
        found = _what(line.track_metadata, line.echotune)
        for name in (*_msids(line), _mbid(found)):
            if name:
                known[name] = found
    if line.echotune is not None:
        return Heard(_own(line.echotune, user), found)
    if line.score is not None:
        if line.score not in SCORES or line.created is None:
            raise RowRejected("feedback that was taken back, or has no time")
        at, action = moment(line.created), SCORES[line.score]
        return heard(found, user, at, action=action, source=SOURCE)
    if line.listened_at is None:
        raise RowRejected("no time: neither listened_at nor a score")
    return _as_submitted(heard(found, user, moment(line.listened_at), source=SOURCE))


def _as_submitted(one: Heard) -> Heard:
    """The listen with the id it has when a player submits it: it may have come that way before."""
    if isinstance(one.of, Track):
        return one
    known_as = listen_id(milliseconds(one.listen.at) // 1_000, one.of.msid)
    return Heard(structs.replace(one.listen, id=known_as), one.of)


def _own(own: Own, user: str) -> Listen:
    try:
        return msgspec.convert({"user_id": user, **structs.asdict(own)}, Listen)
    except msgspec.ValidationError as error:
        raise RowRejected(f"echotune: {error}") from error


def _what(said: Metadata, own: Own | None) -> Claim | Track:
    more = said.additional_info or {}
    mbid, spotify = _text(more, "recording_mbid"), _text(more, "spotify_id")
    spotify = spotify.removeprefix(SPOTIFY_URL).removeprefix("spotify:track:")
    isrc, duration_ms = _text(more, "isrc"), _duration_ms(more)
    if own is None:
        return recording(
            said.artist_name,
            said.track_name,
            album=said.release_name or "",
            duration_ms=duration_ms,
            mbid=mbid,
            spotify=spotify,
            isrc=isrc,
        )
    ids = {"isrc": isrc, "recording_mbid": mbid, "spotify": spotify}
    return track(  # the names as they are, not as they would be written here
        id=own.track_id,
        title=said.track_name,
        artist=said.artist_name,
        album=said.release_name or "",
        duration_ms=duration_ms,
        aliases={kind: value for kind, value in ids.items() if value},
    )


def _duration_ms(more: dict[str, Any]) -> int | None:
    for name, ms in (("duration_ms", 1), ("duration", 1_000)):
        value = more.get(name)
        if isinstance(value, int | float) and math.isfinite(value) and value * ms >= 1:
            return round(value * ms)
    return None


def _text(more: dict[str, Any], name: str) -> str:
    value = more.get(name)
    return value if isinstance(value, str) and len(value) <= 200 else ""


def _mbid(what: Claim | Track) -> str | None:
    return what.recording_mbid if isinstance(what, Claim) else what.aliases.get("recording_mbid")


def _msids(line: Line) -> tuple[str | None, str | None]:
    said = line.track_metadata
    return line.recording_msid, said.recording_msid if said else None


def _shown(line: Line) -> tuple[str, ...]:
    said = line.track_metadata
    names = (said.artist_name, said.track_name) if said else (line.recording_msid or "",)
    return (str(line.listened_at or line.created or ""), *names)
