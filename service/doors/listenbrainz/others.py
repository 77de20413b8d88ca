"""Who listens alike, and how far an importer has come."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from service.doors.identity.claim import Claim
from service.doors.listenbrainz.door import Door
from service.doors.listenbrainz.history import tracks_of
from service.doors.listenbrainz.recommended import mbid_of
from service.doors.listenbrainz.refusal import AnyRequest, bad
from service.doors.listenbrainz.submission import LONGEST_NAME, MOST_BYTES_EACH, Json, read_json
from service.errors import ModelNotReady, UnknownUser

SIMILAR = 25
LEAST = 0.1
SERVICES = ("lastfm", "librefm")
MOST_IMPORTERS = 10_000


class OtherController(Controller):
    """What is left."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @get("/1/user/{name:str}/similar-users")
    async def similar(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """Users whose likes point the same way, nearest first; nobody before the first model."""
        user = door.reader(request, name)
        try:
            page = await door.neighbourhood.of(user, limit=SIMILAR, least=LEAST)
        except (UnknownUser, ModelNotReady):
            return {"payload": []}
        return {
            "payload": [{"user_name": one.user_id, "similarity": one.score} for one in page.similar]
        }

    @get("/1/latest-import")
    async def latest_import(self, request: AnyRequest, door: NamedDependency[Door]) -> Json:
        """Up to when an importer has come; 0 when this process does not know."""
        name = request.query_params.get("user_name") or ""
        user = door.reader(request, name) if name else door.user(request)
        latest = door.imported.get((user, _service(request.query_params.get("service"))), 0)
        return {"musicbrainz_id": user, "latest_import": latest, "status": None, "error": None}

    @post("/1/latest-import", status_code=200, request_max_body_size=MOST_BYTES_EACH)
    async def imported(
        self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]
    ) -> Json:
        """An importer says how far it has come. Whoever forgets sends listens twice: no harm."""
        user, said = door.user(request), read_json(body)
        until = said.get("ts")
        if isinstance(until, bool) or not isinstance(until, int) or not 0 <= until < 1 << 40:
            raise bad("Invalid JSON document submitted.")
        key = (user, _service(said.get("service")))
        if key in door.imported or len(door.imported) < MOST_IMPORTERS:
            door.imported[key] = max(until, door.imported.get(key, 0))
        return {"status": "ok"}

    @get("/1/metadata/lookup")
    async def look_up(self, request: AnyRequest, door: NamedDependency[Door]) -> Json:
        """The recording with these names, or nothing; what a "love" of a browser asks first."""
        door.user(request)
        artist, title = (
            (request.query_params.get(key) or "").strip()
            for key in ("artist_name", "recording_name")
        )
        if not artist or not title or max(len(artist), len(title)) > LONGEST_NAME // 2:
            raise bad("artist_name and recording_name are needed, of 250 characters at most.")
        track_id = await door.resolver.look_up(Claim(artist=artist, title=title))
        tracks = await tracks_of(door, [track_id] if track_id else [])
        return next(
            (
                {
                    "recording_mbid": mbid_of(track),
                    "recording_name": track.title,
                    "artist_credit_name": track.artist,
                    "release_name": track.album,
                }
                for track in tracks.values()
            ),
            {},
        )


def _service(name: object) -> str:
    if name is None or name == "":
        return SERVICES[0]
    if name not in SERVICES:
        raise bad(f"Service must be one of {', '.join(SERVICES)}.")
    return str(name)
