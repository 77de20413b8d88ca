"""Where Spotify's paths lead, all of them under /spotify."""

from typing import Any, TypeVar
from urllib.parse import parse_qsl

from litestar import Controller, Request, Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, RawBody
from litestar.types import Guard
from msgspec import Struct

from service.doors.spotify.door import Spotify
from service.doors.spotify.features import AudioFeatures
from service.doors.spotify.objects import FullArtist, FullTrack, Recommended
from service.doors.spotify.question import id_of, ids_of, question_of
from service.doors.spotify.refusals import HANDLERS, GrantRefused, Refused
from service.doors.spotify.rooted import MOUNT
from service.doors.spotify.tokens import Token, Tokens, tokens_of
from service.settings import Settings

AnyRequest = Request[Any, Any, Any]
Found = TypeVar("Found")

MOST_TRACKS, MOST_FEATURES, MOST_ARTISTS = 50, 100, 50
FORM_BYTES = 4 << 10
READS, PUBLIC = {"scope": "door"}, {"scope": "public"}


class GenreSeeds(Struct, frozen=True):
    """The answer of /recommendations/available-genre-seeds."""

    genres: list[str]


class FeaturesPage(Struct, frozen=True):
    """None where nobody has the id that was given in this place."""

    audio_features: list[AudioFeatures | None]


class TracksPage(Struct, frozen=True):
    """None where nobody has the id that was given in this place."""

    tracks: list[FullTrack | None]


class ArtistsPage(Struct, frozen=True):
    """None where nobody has the id that was given in this place."""

    artists: list[FullArtist | None]


class SpotifyController(Controller):
    """What Spotify has closed, and what code that calls it reads beside."""

    path = "/v1"
    opt = READS

    @get("/recommendations")
    async def recommendations(
        self, request: AnyRequest, spotify: NamedDependency[Spotify]
    ) -> Recommended:
        """Tracks for one to five seeds, bounded by min_ and max_, drawn towards target_."""
        return await spotify.recommended(question_of(request.scope["query_string"]), _base(request))

    @get("/recommendations/available-genre-seeds", sync_to_thread=False)
    def genre_seeds(self, spotify: NamedDependency[Spotify]) -> GenreSeeds:
        """The genres of the catalogue."""
        return GenreSeeds(spotify.genres())

    @get("/audio-features")
    async def audio_features(
        self, request: AnyRequest, spotify: NamedDependency[Spotify]
    ) -> FeaturesPage:
        """Of up to 100 tracks."""
        ids = ids_of(request.scope["query_string"], most=MOST_FEATURES)
        return FeaturesPage(await spotify.features(ids, _base(request)))

    @get("/audio-features/{track_id:str}")
    async def features(
        self, request: AnyRequest, track_id: FromPath[str], spotify: NamedDependency[Spotify]
    ) -> AudioFeatures:
        """Of one track."""
        (found,) = await spotify.features([id_of(track_id)], _base(request))
        return _there(found, "analysis not found")

    @get("/tracks")
    async def tracks(self, request: AnyRequest, spotify: NamedDependency[Spotify]) -> TracksPage:
        """Up to 50 tracks."""
        ids = ids_of(request.scope["query_string"], most=MOST_TRACKS)
        return TracksPage(await spotify.tracks(ids, _base(request)))

    @get("/artists")
    async def artists(self, request: AnyRequest, spotify: NamedDependency[Spotify]) -> ArtistsPage:
        """Up to 50 artists."""
        ids = ids_of(request.scope["query_string"], most=MOST_ARTISTS)
        return ArtistsPage(await spotify.artists(ids, _base(request)))

    @get("/artists/{artist_id:str}")
    async def artist(
        self, request: AnyRequest, artist_id: FromPath[str], spotify: NamedDependency[Spotify]
    ) -> FullArtist:
        """One artist."""
        (found,) = await spotify.artists([id_of(artist_id)], _base(request))
        return _there(found, "Non existing id")

    @get("/tracks/{track_id:str}")
    async def track(
        self, request: AnyRequest, track_id: FromPath[str], spotify: NamedDependency[Spotify]
    ) -> FullTrack:
        """One track."""
        (found,) = await spotify.tracks([id_of(track_id)], _base(request))
        return _there(found, "Non existing id")


def spotify_routes(settings: Settings) -> Router:
    """The router to mount.

    Raises:
        Invalid: the credentials of the settings cannot be read.
    """
    tokens = tokens_of(settings)

    @post("/api/token", status_code=200, opt=PUBLIC, request_max_body_size=FORM_BYTES)
    async def token(request: AnyRequest, body: RawBody) -> Token:
        """A bearer token for client credentials."""
        grant_type = dict(parse_qsl(_text(body))).get("grant_type", "")
        return tokens.grant(request.headers.get("authorization", ""), grant_type)

    return Router(
        path=MOUNT,
        route_handlers=[SpotifyController, token],
        guards=[_guard(tokens)],
        exception_handlers=HANDLERS,
        include_in_schema=False,  # somebody else's interface: docs/doors/spotify.md
    )


def _guard(tokens: Tokens) -> Guard:
    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        # Only Litestar's own answer to OPTIONS has no scope: `check_scopes` refuses others.
        if handler.opt.get("scope", "public") != "public":
            tokens.check(connection.headers.get("authorization", ""))

    return guard


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GrantRefused("invalid_request", "the form is no UTF-8") from None


def _there(found: Found | None, message: str) -> Found:
    if found is None:
        raise Refused(404, message)
    return found


def _base(request: AnyRequest) -> str:
    return f"{request.base_url}{MOUNT[1:]}/v1"
