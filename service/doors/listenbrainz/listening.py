"""Listens of the house as this door shows them, and back."""

from datetime import timedelta
from typing import Any

from service.domain import EPOCH, Listen, Track, milliseconds
from service.doors.identity.claim import Claim
from service.doors.listenbrainz.submission import Json, Played

SOURCE = "listenbrainz"
MARK = "lb"
SECOND_MS = 1_000
NOBODY = Track(id="0", title="unknown", artist="unknown")


def listen_id(listened_at: int, msid: str) -> str:
    """Of one user there is one listen of these names at this second, as in the original."""
    return f"{MARK}:{listened_at}:{msid}"


def to_listen(user_id: str, track_id: str, played: Played, *, latest_s: int) -> Listen:
    """A listen for the house; a time up to an hour ahead, which is let in here, becomes now."""
    listened_at = played.listened_at or 0
    return Listen(
        id=listen_id(listened_at, played.claim.msid),
        user_id=user_id,
        track_id=track_id,
        at=EPOCH + timedelta(seconds=min(listened_at, latest_s)),
        ms_played=played.ms_played,
        source=SOURCE,
    )


def names_of(listen: Listen, track: Track) -> tuple[int, str]:
    """`listened_at` in seconds and the message id: of whatever way in it came."""
    mark, _, rest = listen.id.partition(":")
    when, _, msid = rest.partition(":")
    if mark == MARK and when.isdigit() and msid:
        return int(when), msid
    return milliseconds(listen.at) // SECOND_MS, claim_of(track).msid


def claim_of(track: Track) -> Claim:
    """What a track of the catalogue is called."""
    return Claim(artist=track.artist, title=track.title, album=track.album)


def shown(listen: Listen, track: Track) -> Json:
    """A listen as GET …/listens has it; names are the catalogue's."""
    listened_at, msid = names_of(listen, track)
    metadata = metadata_of(track)
    metadata["additional_info"]["recording_msid"] = msid
    if listen.ms_played is not None:
        metadata["additional_info"]["duration_played"] = listen.ms_played // SECOND_MS
    return {
        "inserted_at": listened_at,
        "listened_at": listened_at,
        "recording_msid": msid,
        "user_name": listen.user_id,
        "track_metadata": metadata,
    }


def metadata_of(track: Track) -> Json:
    """`track_metadata` of a track; `mbid_mapping` only where an MBID is known."""
    info: dict[str, Any] = {}
    if track.duration_ms:
        info["duration_ms"] = track.duration_ms
    for kind, name in (("recording_mbid", "recording_mbid"), ("isrc", "isrc")):
        if kind in track.aliases:
            info[name] = track.aliases[kind]
    if "spotify" in track.aliases:
        info["spotify_id"] = f"https://open.spotify.com/track/{track.aliases['spotify']}"
    metadata: Json = {
        "artist_name": track.artist,
        "track_name": track.title,
        "additional_info": info,
    }
    if track.album:
        metadata["release_name"] = track.album
    if mbid := track.aliases.get("recording_mbid"):
        metadata["mbid_mapping"] = {
            "recording_mbid": mbid,
            "recording_name": track.title,
            "artist_mbids": [],
            "artists": [],
        }
    return metadata
