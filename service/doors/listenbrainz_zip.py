"""One listener's history as a zip of ListenBrainz, which EchoTune reads back without a loss.

Plays lie in `listens/<year>/<month>.jsonl`, likes and dislikes in `feedback.jsonl`; what
ListenBrainz has no word for (skips, saves, ratings, plays without a time) in `echotune.jsonl`, that
nobody else reads. Every line carries our own fields under `echotune`. The same history gives the
same bytes.
"""

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from service.disk import sync_folder
from service.domain import Listen, Track, milliseconds
from service.doors.backwards import Pages, oldest_first
from service.doors.importers.listenbrainz import SCORES, SPOTIFY_URL, Metadata, Own
from service.doors.listenbrainz.listening import claim_of
from service.errors import Invalid, UnknownUser
from service.store import Store

FIRST_S = 1_033_430_400
"""ListenBrainz knows no listen before 2002-10-01."""
DAWN = (1980, 1, 1, 0, 0, 0)
LEVEL = 6
AT_ONCE = 1_000
VERDICTS = {action: score for score, action in SCORES.items()}
MEDIA = "echotune"


class _Listen(Struct, frozen=True):
    listened_at: int
    recording_msid: str
    track_metadata: Metadata
    echotune: Own


class _Verdict(Struct, frozen=True):
    recording_msid: str
    recording_mbid: str | None
    score: int
    created: int
    track_metadata: Metadata
    echotune: Own


class _Other(Struct, frozen=True):
    track_metadata: Metadata
    echotune: Own


async def write_listenbrainz(
    store: Store, user_id: str, path: Path, *, on_progress: Callable[[int], object]
) -> int:
    """Write `path`, there whole or as it was; how many listens are in it.

    Raises:
        UnknownUser
        Invalid: it cannot be written.
    """
    if await store.user(user_id) is None:
        raise UnknownUser(f"there is no user {user_id!r}")
    making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            async with oldest_first(store, user_id) as pages:
                with making.open("xb") as raw:
                    with zipfile.ZipFile(raw, "w") as archive:
                        await _write(archive, store, user_id, pages, on_progress)
                    raw.flush()
                    os.fsync(raw.fileno())
            making.replace(path)
            sync_folder(path.parent)
        finally:
            making.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
    return pages.count


async def _write(
    archive: zipfile.ZipFile,
    store: Store,
    user_id: str,
    pages: Pages,
    on_progress: Callable[[int], object],
) -> None:
    with _member(archive, "user.json") as file:
        file.write(msgspec.json.encode({"user_id": None, "username": user_id}) + b"\n")
    tracks: dict[str, Track] = {}
    done = 0
    for name, listens in _members(pages):
        with _member(archive, name) as file:
            while some := list(islice(listens, AT_ONCE)):
                await _know(store, some, tracks)
                lines = (msgspec.json.encode(_line(one, tracks[one.track_id])) for one in some)
                file.write(b"".join(line + b"\n" for line in lines))
                on_progress(done := done + len(some))


def _members(pages: Pages) -> Iterator[tuple[str, Iterator[Listen]]]:
    """What goes where, each in the order of time."""
    plays = (one for one in pages if _is_play(one))
    for (year, month), listens in groupby(plays, key=lambda one: (one.at.year, one.at.month)):
        yield f"listens/{year}/{month}.jsonl", listens
    for name, belongs in (("feedback", _is_verdict), ("echotune", _is_other)):
        if any(map(belongs, pages)):
            yield f"{name}.jsonl", filter(belongs, pages)


def _is_play(listen: Listen) -> bool:
    early = milliseconds(listen.at) < FIRST_S * 1000
    return listen.action == "play" and listen.timed and not early


def _is_verdict(listen: Listen) -> bool:
    return listen.action in VERDICTS


def _is_other(listen: Listen) -> bool:
    return not _is_play(listen) and not _is_verdict(listen)


async def _know(store: Store, listens: Sequence[Listen], tracks: dict[str, Track]) -> None:
    for track_id in {one.track_id for one in listens} - tracks.keys():
        known = await store.track(track_id)
        tracks[track_id] = known or Track(id=track_id, title=track_id, artist="unknown")


def _line(listen: Listen, track: Track) -> Struct:
    own = Own(**{name: getattr(listen, name) for name in Own.__struct_fields__})
    known = claim_of(track).msid
    said, at_s = _metadata(track), milliseconds(listen.at) // 1000
    if _is_play(listen):
        return _Listen(at_s, known, said, own)
    if _is_verdict(listen):
        mbid = track.aliases.get("recording_mbid")
        return _Verdict(known, mbid, VERDICTS[listen.action], at_s, said, own)
    return _Other(said, own)


def _metadata(track: Track) -> Metadata:
    more: dict[str, Any] = {"submission_client": MEDIA}
    if track.duration_ms:
        more["duration_ms"] = track.duration_ms
    for name in ("isrc", "recording_mbid"):
        if name in track.aliases:
            more[name] = track.aliases[name]
    if "spotify" in track.aliases:
        more["spotify_id"] = SPOTIFY_URL + track.aliases["spotify"]
    return Metadata(track.artist, track.title, track.album or None, more)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    about = zipfile.ZipInfo(name, DAWN)  # no time of today: equal bytes
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = 0o600 << 16
    return archive.open(about, "w", force_zip64=True)
