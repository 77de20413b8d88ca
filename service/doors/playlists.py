"""A list of recommendations as a playlist that players open: JSPF, XSPF and M3U8.

Where a track can be played is what its aliases say (`uri`, Spotify, MusicBrainz); without any it is
only named, by our own urn.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

import msgspec
from msgspec import Struct

from service.domain import Track
from service.doors.importers.cell import clean
from service.doors.importers.listenbrainz import SPOTIFY_URL
from service.recommend.page import Page

MBID_URL = "https://musicbrainz.org/recording/"
JSPF_NAMESPACE = "https://musicbrainz.org/doc/jspf#playlist"
XSPF_NAMESPACE = "http://xspf.org/ns/0/"
CREATOR = "echotune"


class Place(Struct, frozen=True):
    """One place of a playlist."""

    track: Track
    why: str

    @property
    def location(self) -> str:
        """Where it can be played or is described."""
        known = self.track.aliases
        if "uri" in known:
            return clean(known["uri"])
        if "spotify" in known:
            return SPOTIFY_URL + clean(known["spotify"])
        if "recording_mbid" in known:
            return MBID_URL + clean(known["recording_mbid"])
        return f"urn:echotune:track:{self.track.id}"


class Playlist(Struct, frozen=True):
    """Tracks in an order, for somebody."""

    id: str
    title: str
    user_id: str
    at: datetime
    places: Sequence[Place]


def playlist(page: Page, tracks: dict[str, Track]) -> Playlist:
    """The list of an answer; `tracks` has those it names."""
    places = [
        Place(tracks[one.track.id], one.reason.text if one.reason else "")
        for one in page.recommendations
        if one.track.id in tracks
    ]
    title = f"Recommended for {page.user_id}"
    return Playlist(page.list_id, title, page.user_id, page.generated_at, places)


def jspf(playlist: Playlist) -> bytes:
    """As JSPF with the extension of ListenBrainz."""
    said = {
        "title": playlist.title,
        "creator": CREATOR,
        "identifier": f"urn:echotune:list:{playlist.id}",
        "date": playlist.at.isoformat(),
        "track": [_jspf_track(place) for place in playlist.places],
        "extension": {
            JSPF_NAMESPACE: {
                "public": False,
                "creator": CREATOR,
                "created_for": playlist.user_id,
            }
        },
    }
    return msgspec.json.format(msgspec.json.encode({"playlist": said})) + b"\n"


def _jspf_track(place: Place) -> dict[str, object]:
    track = place.track
    mbid = track.aliases.get("recording_mbid")
    said: dict[str, object] = {"title": track.title, "creator": track.artist}
    if track.album:
        said["album"] = track.album
    if track.duration_ms:
        said["duration"] = track.duration_ms
    if place.why:
        said["annotation"] = place.why
    said["identifier"] = [MBID_URL + mbid] if mbid else [f"urn:echotune:track:{track.id}"]
    return said | {"location": [place.location]}


def xspf(playlist: Playlist) -> bytes:
    """As XSPF."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<playlist version={quoteattr('1')} xmlns={quoteattr(XSPF_NAMESPACE)}>",
        *_elements("  ", title=playlist.title, creator=CREATOR, date=playlist.at.isoformat()),
        "  <trackList>",
    ]
    for place in playlist.places:
        track = place.track
        lines += [
            "    <track>",
            *_elements(
                "      ",
                location=place.location,
                title=track.title,
                creator=track.artist,
                annotation=place.why,
                album=track.album,
                duration=str(track.duration_ms or ""),
            ),
            "    </track>",
        ]
    lines += ["  </trackList>", "</playlist>"]
    return "\n".join(lines).encode() + b"\n"


def _elements(indent: str, **texts: str) -> list[str]:
    """Elements of these texts, empty ones left out. XML has no word for control characters."""
    said = {name: clean(text) for name, text in texts.items()}
    return [f"{indent}<{name}>{escape(text)}</{name}>" for name, text in said.items() if text]


def m3u8(playlist: Playlist) -> bytes:
    """As extended M3U in UTF-8; a name never becomes a second line."""
    lines = ["#EXTM3U", f"#PLAYLIST:{clean(playlist.title)}"]
    for place in playlist.places:
        track = place.track
        seconds = round(track.duration_ms / 1000) if track.duration_ms else -1
        lines += [
            f"#EXTINF:{seconds},{clean(track.artist)} - {clean(track.title)}",
            place.location,
        ]
    return "\n".join(lines).encode() + b"\n"


FORMS: dict[str, Callable[[Playlist], bytes]] = {"jspf": jspf, "xspf": xspf, "m3u8": m3u8}
