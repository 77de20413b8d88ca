"""Tracks, artists and seeds as Spotify writes them, every member that strict clients read.

What EchoTune does not know has a fixed value: see docs/doors/spotify.md.
"""

from typing import Literal

from msgspec import Struct, field

from service.base62 import minted
from service.domain import Track
from service.doors.spotify.ids import artist_id

Kind = Literal["ARTIST", "TRACK", "GENRE"]
NO_DATE = "0000"  # Spotify's own word for a date nobody knows
PRECISIONS: dict[int, Literal["year", "month", "day"]] = {4: "year", 7: "month", 10: "day"}


class Urls(Struct, frozen=True):
    """Where a person would look."""

    spotify: str


class SimpleArtist(Struct, frozen=True, kw_only=True):
    """An artist within a track."""

    external_urls: Urls
    href: str
    id: str
    name: str
    uri: str
    type: str = "artist"


class Followers(Struct, frozen=True):
    """EchoTune counts none."""

    href: None = None
    total: int = 0


class FullArtist(SimpleArtist, frozen=True, kw_only=True):
    """An artist by itself."""

    genres: list[str]
    popularity: int
    followers: Followers = Followers()
    images: list[str] = []


class Album(Struct, frozen=True, kw_only=True):
    """The album within a track."""

    artists: list[SimpleArtist]
    external_urls: Urls
    href: str
    id: str
    name: str
    release_date: str
    release_date_precision: Literal["year", "month", "day"]
    uri: str
    album_type: str = "album"
    available_markets: list[str] = []
    images: list[str] = []
    total_tracks: int = 1
    type: str = "album"


class FullTrack(Struct, frozen=True, kw_only=True):
    """A track, with the members of before 2026 that old code reads."""

    album: Album
    artists: list[SimpleArtist]
    duration_ms: int
    explicit: bool
    external_ids: dict[str, str]
    external_urls: Urls
    href: str
    id: str
    name: str
    popularity: int
    uri: str
    available_markets: list[str] = []
    disc_number: int = 1
    is_local: bool = False
    preview_url: None = None
    track_number: int = 1
    type: str = "track"


class Seed(Struct, frozen=True, kw_only=True):
    """One seed, and how many tracks there were to choose from."""

    initial_pool: int = field(name="initialPoolSize")
    after_filtering: int = field(name="afterFilteringSize")
    after_relinking: int = field(name="afterRelinkingSize")
    id: str
    type: Kind
    href: str | None


class Recommended(Struct, frozen=True):
    """The answer of /recommendations."""

    seeds: list[Seed]
    tracks: list[FullTrack]


def track_object(track: Track, public_id: str, base: str) -> FullTrack:
    """A track; `base` is the address everything here is served under, without a slash."""
    artist = artist_object(track.artist, base)
    href = f"{base}/tracks/{public_id}"
    isrc = track.aliases.get("isrc")
    return FullTrack(
        album=_album(track, artist, base),
        artists=[artist],
        duration_ms=track.duration_ms or 0,
        explicit=track.explicit,
        external_ids={"isrc": isrc} if isrc else {},
        external_urls=Urls(href),
        href=href,
        id=public_id,
        name=track.title,
        popularity=round(track.popularity or 0),
        uri=f"spotify:track:{public_id}",
    )


def artist_object(name: str, base: str) -> SimpleArtist:
    """An artist within a track."""
    public_id = artist_id(name)
    href = f"{base}/artists/{public_id}"
    return SimpleArtist(
        external_urls=Urls(href),
        href=href,
        id=public_id,
        name=name,
        uri=f"spotify:artist:{public_id}",
    )


def full_artist(name: str, genres: list[str], popularity: int, base: str) -> FullArtist:
    """An artist by itself."""
    simple = artist_object(name, base)
    return FullArtist(
        external_urls=simple.external_urls,
        href=simple.href,
        id=simple.id,
        name=name,
        uri=simple.uri,
        genres=genres,
        popularity=popularity,
    )


def _album(track: Track, artist: SimpleArtist, base: str) -> Album:
    name = track.album or track.title  # nobody named one: a single is called like its track
    public_id = minted("album", f"{track.artist.casefold()}\0{name.casefold()}")
    href = f"{base}/albums/{public_id}"
    released = track.released or NO_DATE
    return Album(
        artists=[artist],
        external_urls=Urls(href),
        href=href,
        id=public_id,
        name=name,
        release_date=released,
        release_date_precision=PRECISIONS[len(released)],
        uri=f"spotify:album:{public_id}",
        album_type="album" if track.album else "single",
    )
