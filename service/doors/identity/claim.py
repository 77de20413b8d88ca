"""What somebody says a recording is called."""

import re
from functools import cached_property
from uuid import UUID, uuid5

from msgspec import Struct

from service.doors.identity.index import made_of_names
from service.doors.identity.names import work_key

MSID = UUID("4ac1e3e2-5f8c-5a9b-9c1f-6d1c1a1f7e61")
"""The namespace of message ids: with one of its own no id is taken for somebody else's."""
ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}\Z")
SPOTIFY = re.compile(r"(?:.*/track/|spotify:track:)?([0-9A-Za-z]{22})(?:\?.*)?\Z")


class Claim(Struct, frozen=True, kw_only=True, dict=True):
    """Names, and ids where they are known; the ids as the systems that gave them write them."""

    artist: str
    title: str
    album: str = ""
    recording_mbid: str | None = None
    isrc: str | None = None
    spotify_id: str | None = None  # or a link or a URI with it
    duration_ms: int | None = None
    artist_mbid: str | None = None  # of the one artist; says nothing about the recording

    @cached_property
    def msid(self) -> str:
        """UUIDv5 over artist, title and album: the same names, the same id, here and everywhere."""
        names = (self.artist, self.title, self.album)
        return str(uuid5(MSID, "\0".join(" ".join(name.casefold().split()) for name in names)))

    @cached_property
    def key(self) -> str:
        """The same text for all recordings of the work, however it is written."""
        return work_key(self.title, self.artist)

    @cached_property
    def ids(self) -> tuple[tuple[str, str], ...]:
        """(kind, value) as the alias table has them, the most certain first; nonsense is no id."""
        isrc = (self.isrc or "").replace("-", "").upper()
        spotify = SPOTIFY.match(self.spotify_id or "")
        found = (
            ("recording_mbid", (self.recording_mbid or "").lower()),
            ("isrc", isrc if ISRC.match(isrc) else ""),
            ("spotify", spotify[1] if spotify else ""),
        )
        return tuple((kind, value) for kind, value in found if value)

    @property
    def new_id(self) -> str:
        """The id of a track that is made of this claim: it depends on the work alone."""
        return made_of_names(self.key)
