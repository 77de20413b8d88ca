"""What is submitted, checked as the original checks it: one bad listen spoils the batch."""

import math
import re
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from service.domain import EPOCH
from service.doors.identity.claim import Claim
from service.doors.listenbrainz.refusal import bad

MOST_BYTES_EACH = 10_240
MOST_LISTENS = 1_000
MOST_BYTES = MOST_LISTENS * MOST_BYTES_EACH
MOST_TAGS, LONGEST_TAG = 50, 64
LONGEST_S = 2_073_600
EARLIEST = 1_033_430_400
"""2002-10-01 UTC, when the first listen was ever submitted to Audioscrobbler."""
SKEW_S = 3_600
LONGEST_NAME = 500
TYPES = ("single", "playing_now", "import")
NUMBER = re.compile(r"-?\d{1,15}\Z")
UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z", re.IGNORECASE)
ONE_MBID = ("release_mbid", "recording_mbid", "release_group_mbid", "track_mbid")
MBIDS = ("artist_mbids", "work_mbids")
Json = dict[str, Any]


class Played(Struct, frozen=True):
    """One listen that is as it should be; `listened_at` is None while it is playing."""

    claim: Claim
    listened_at: int | None
    ms_played: int | None
    metadata: Json  # as it was sent, without what was empty


class Submission(Struct, frozen=True):
    """All of one request."""

    listen_type: str
    played: list[Played]


def read_submission(raw: bytes, now: datetime) -> Submission:
    """Check a body.

    Raises:
        Refused: with the contract's words, and the listen that is at fault.
    """
    document = read_json(raw)
    listen_type, payload = document.get("listen_type"), document.get("payload")
    if listen_type not in TYPES:
        raise bad("JSON document requires a valid listen_type key.")
    if not isinstance(payload, list) or not all(isinstance(one, dict) for one in payload):
        raise bad("Invalid JSON document submitted.")
    if not payload:
        raise bad("JSON document does not contain any listens")
    if len(payload) > MOST_LISTENS:
        raise bad(f"Too many listens. You may not submit more than {MOST_LISTENS} listens at once.")
    if len(raw) > len(payload) * MOST_BYTES_EACH:
        raise bad(
            f"Payload too large. Payload may be no larger than {MOST_BYTES_EACH} bytes a listen."
        )
    if listen_type != "import" and len(payload) > 1:
        raise bad(f"There is more than one listen in the payload. Only one may be {listen_type}.")
    seconds = (now - EPOCH) // timedelta(seconds=1)
    return Submission(listen_type, [_played(one, listen_type, seconds) for one in payload])


def read_json(raw: bytes) -> Json:
    """A JSON object.

    Raises:
        Refused: it is none.
    """
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise bad("Invalid JSON document submitted.")
    return document


def is_uuid(text: object) -> bool:
    """Whether it is a MusicBrainz id or a message id, by its form."""
    return isinstance(text, str) and UUID.match(text) is not None


def _played(listen: Json, listen_type: str, now_s: int) -> Played:
    listened_at = None if listen_type == "playing_now" else _listened_at(listen, now_s)
    if listen_type == "playing_now":
        if "listened_at" in listen:
            raise bad(
                "JSON document must not contain listened_at while submitting playing_now.", listen
            )
        if len(listen) > 1:
            raise bad(
                "JSON document may only contain track_metadata as top level key when submitting"
                " playing_now.",
                listen,
            )
    metadata = listen.get("track_metadata")
    if not isinstance(metadata, dict):
        raise bad("JSON document must contain the key track_metadata at the top level.", listen)
    artist, title = (_name(metadata, key, listen) for key in ("artist_name", "track_name"))
    album = metadata.get("release_name") or ""
    if not isinstance(album, str) or len(album) > LONGEST_NAME:
        raise bad("track_metadata.release_name must be a single string.", listen)
    info = metadata.get("additional_info") or {}
    if not isinstance(info, dict):
        raise bad("track_metadata.additional_info must be an object.", listen)
    _check_tags(info, listen)
    _check_mbids(info, listen)
    if _holds_nul(listen):
        raise bad("Unicode null is not allowed in a listen.", listen)
    duration_ms = _duration_ms(info, listen)
    claim = Claim(
        artist=artist,
        title=title,
        album=album.strip(),
        recording_mbid=info.get("recording_mbid") or None,
        isrc=_text(info.get("isrc")),
        spotify_id=_text(info.get("spotify_id")),
        artist_mbid=_only(info.get("artist_mbids")),
        duration_ms=duration_ms if duration_ms and duration_ms <= 86_400_000 else None,
    )
    return Played(claim, listened_at, _ms_played(info), _kept(metadata, claim, info))


def _listened_at(listen: Json, now_s: int) -> int:
    if "listened_at" not in listen:
        raise bad("JSON document must contain the key listened_at at the top level.", listen)
    value = listen["listened_at"]
    whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not whole and not (isinstance(value, str) and NUMBER.match(value.strip())):
        raise bad("JSON document must contain an int value for listened_at.", listen)
    if "track_metadata" in listen and len(listen) > 2:
        raise bad(
            "JSON document may only contain listened_at and track_metadata top level keys", listen
        )
    listened_at = int(value)
    if listened_at < EARLIEST:
        raise bad(
            "Value for key listened_at is too low. listened_at timestamp should be greater than"
            f" {EARLIEST} (2002-10-01 00:00:00 UTC).",
            listen,
        )
    if listened_at >= now_s + SKEW_S:
        raise bad("Value for key listened_at is too high.", listen)
    return listened_at


def _name(metadata: Json, key: str, listen: Json) -> str:
    if key not in metadata:
        raise bad(
            "JSON document does not contain a valid metadata.track_name and/or"
            " track_metadata.artist_name.",
            listen,
        )
    value = metadata[key]
    if not isinstance(value, str):
        raise bad(f"{key} must be a single string.", listen)
    if not value.strip():
        raise bad(f"JSON document does not contain required track_metadata.{key}.", listen)
    if len(value) > LONGEST_NAME:
        raise bad(f"{key} may have {LONGEST_NAME} characters.", listen)
    return value.strip()


def _check_tags(info: Json, listen: Json) -> None:
    tags = info.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise bad("track_metadata.additional_info.tags must be a list of strings.", listen)
    if len(tags) > MOST_TAGS:
        raise bad(
            f"JSON document may not contain more than {MOST_TAGS} items in"
            " track_metadata.additional_info.tags.",
            listen,
        )
    if any(len(tag) > LONGEST_TAG for tag in tags):
        raise bad(
            "JSON document may not contain track_metadata.additional_info.tags longer than"
            f" {LONGEST_TAG} characters.",
            listen,
        )


def _check_mbids(info: Json, listen: Json) -> None:
    for key in ONE_MBID:
        if info.get(key) and not is_uuid(info[key]):
            raise bad(f"{key} MBID format invalid.", listen)
    for key in MBIDS:
        several = info.get(key) or []
        if not isinstance(several, list) or not all(is_uuid(one) for one in several if one):
            raise bad(f"{key} MBID format invalid.", listen)


def _duration_ms(info: Json, listen: Json) -> int | None:
    if "duration" in info and "duration_ms" in info:
        raise bad("JSON document may only contain one of duration and duration_ms.", listen)
    for key, unit in (("duration", 1_000), ("duration_ms", 1)):
        if key not in info:
            continue
        try:
            value = int(float(info[key]))
        except (TypeError, ValueError, OverflowError):
            value = 0
        if value <= 0:
            raise bad(f"Value for {key} is invalid, should be a positive integer.", listen)
        if value * unit > LONGEST_S * 1_000:
            raise bad(f"Value for {key} is too high, max permitted value is 24 days.", listen)
        return value * unit
    return None


def _ms_played(info: Json) -> int | None:
    """How long it was played, where the player says so; this alone can tell a skip."""
    value = info.get("duration_played")
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86_400:
        return int(value * 1_000)
    return None


def _only(mbids: list[str] | None) -> str | None:
    return mbids[0] if mbids and len(mbids) == 1 and mbids[0] else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _kept(metadata: Json, claim: Claim, info: Json) -> Json:
    mbids = (*ONE_MBID, *MBIDS)
    told = {key: value for key, value in info.items() if value or key not in mbids}
    kept = {**metadata, "artist_name": claim.artist, "track_name": claim.title}
    if not claim.album:
        kept.pop("release_name", None)
    return {**kept, "additional_info": told}


def _holds_nul(value: object) -> bool:
    rest = [value]  # not by recursion: what is nested deeply enough would end it
    while rest:
        match rest.pop():
            case str() as text if "\0" in text:
                return True
            case dict() as members:
                rest += [*members.keys(), *members.values()]
            case list() as parts:
                rest += parts
    return False
