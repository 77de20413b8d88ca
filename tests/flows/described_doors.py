"""What other people's interfaces take, as OpenAPI: they publish none, and ours leaves them out."""

from typing import Any

USER, TOKEN = "jazz-u0", "a-token-of-a-jazz-listener"
CLIENT = "fuzz:a-secret-of-the-client"

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
ANYTHING: Schema = {}
WHOLE: Schema = {"type": "integer", "minimum": 0}
UUID: Schema = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
TIME: Schema = {"type": "integer", "minimum": 1_033_430_400, "maximum": 1_790_000_000}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 40, "examples": ["Jazz Artist 0"]}


def one_of(*values: Any) -> Schema:
    return {"enum": list(values)}


def many(items: Schema, most: int = 3) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def members(*wanted: str, **schemas: Schema) -> Schema:
    return {"type": "object", "properties": schemas, "required": list(wanted)}


def separated(*values: str) -> Schema:
    return {"anyOf": [one_of(",".join(values), *values), TEXT]}


PAGE = {"count": WHOLE, "offset": WHOLE}
INFO = members(
    tags=many(TEXT),
    recording_mbid=UUID,
    artist_mbids=many(UUID),
    duration={"type": "number", "minimum": 1, "maximum": 100_000},
    duration_played={"type": "number"},
    isrc=TEXT,
    spotify_id=TEXT,
    music_service=ANYTHING,
)
METADATA = members(
    "artist_name",
    "track_name",
    artist_name=NAME,
    track_name=NAME,
    release_name=TEXT,
    additional_info=INFO,
)
LISTEN = members("listened_at", "track_metadata", listened_at=TIME, track_metadata=METADATA)
SUBMISSION = members(
    "listen_type", "payload", listen_type=one_of("single", "import"), payload=many(LISTEN)
)
NOW = members(
    "listen_type",
    "payload",
    listen_type=one_of("playing_now"),
    payload=many(members("track_metadata", track_metadata=METADATA), most=1),
)
BLOCK = members(
    "entity",
    "entity_mbid",
    entity=one_of("artist", "recording", "release", "release_group"),
    entity_mbid=UUID,
    until={"type": "integer", "minimum": 1},
)
LISTENBRAINZ: dict[str, tuple[dict[str, Schema], Schema | None]] = {
    "POST /1/submit-listens": (
        {"return_msid": one_of("true", "false")},
        {"anyOf": [SUBMISSION, NOW]},
    ),
    "GET /1/validate-token": ({"token": one_of(TOKEN, "", "x")}, None),
    "GET /1/user/{name}/listens": ({"count": WHOLE, "max_ts": WHOLE, "min_ts": WHOLE}, None),
    "GET /1/user/{name}/listen-count": ({}, None),
    "GET /1/user/{name}/playing-now": ({}, None),
    "GET /1/user/{name}/similar-users": ({}, None),
    "POST /1/delete-listen": (
        {},
        members("listened_at", "recording_msid", listened_at=TIME, recording_msid=UUID),
    ),
    "POST /1/playing-now/delete": ({}, None),
    "GET /1/feedback/user/{name}/get-feedback": (
        PAGE | {"score": one_of("", "1", "-1"), "metadata": one_of("true", "false")},
        None,
    ),
    "GET /1/feedback/user/{name}/get-feedback-for-recordings": (
        {"recording_mbids": TEXT, "recording_msids": UUID},
        None,
    ),
    "POST /1/feedback/user/{name}/get-feedback-for-recordings": (
        {},
        members(recording_mbids=many(UUID), recording_msids=many(UUID)),
    ),
    "POST /1/feedback/recording-feedback": (
        {},
        members("score", score=one_of(1, 0, -1), recording_mbid=UUID, recording_msid=UUID),
    ),
    "POST /1/recommendation/feedback/submit": (
        {},
        members(
            "rating",
            "recording_mbid",
            recording_mbid=UUID,
            rating=one_of("love", "like", "dislike", "hate", "bad_recommendation"),
        ),
    ),
    "GET /1/cf/recommendation/user/{name}/recording": (PAGE, None),
    "GET /1/user/{name}/playlists": ({}, None),
    "GET /1/user/{name}/playlists/createdfor": (PAGE, None),
    "GET /1/user/{name}/playlists/recommendations": (PAGE, None),
    "GET /1/playlist/{playlist_id}": ({}, None),
    "GET /1/stats/user/{name}/{what}": (
        PAGE | {"range": one_of("week", "this_month", "quarter", "all_time", "")},
        None,
    ),
    "POST /1/do-not-recommend/add": ({}, BLOCK),
    "POST /1/do-not-recommend/remove": ({}, BLOCK),
    "GET /1/do-not-recommend/user/{name}": (PAGE, None),
    "GET /1/latest-import": ({"user_name": one_of(USER), "service": one_of("lastfm")}, None),
    "POST /1/latest-import": ({}, members("ts", ts=WHOLE, service=one_of("lastfm", "librefm"))),
    "GET /1/metadata/lookup": ({"artist_name": NAME, "recording_name": NAME}, None),
}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
SPOTIFY: dict[str, tuple[dict[str, Schema], Schema | None]] = {
    "GET /spotify/v1/recommendations": (
        {
            "seed_tracks": separated("jazz00", "folk01"),
            "seed_artists": TEXT,
            "seed_genres": separated("jazz", "metal"),
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "min_energy": SHARE,
            "max_valence": SHARE,
            "target_tempo": {"type": "number", "minimum": 0, "maximum": 1000},
        },
        None,
    ),
    "GET /spotify/v1/recommendations/available-genre-seeds": ({}, None),
    "GET /spotify/v1/audio-features": ({"ids": separated("jazz00", "folk01")}, None),
    "GET /spotify/v1/audio-features/{track_id}": ({}, None),
    "GET /spotify/v1/tracks": ({"ids": separated("jazz00", "folk01")}, None),
    "GET /spotify/v1/tracks/{track_id}": ({}, None),
    "GET /spotify/v1/artists": ({"ids": TEXT}, None),
    "GET /spotify/v1/artists/{artist_id}": ({}, None),
    "POST /spotify/api/token": ({}, members("grant_type", grant_type=one_of("client_credentials"))),
}
SECONDS: Schema = {"type": "string", "pattern": "^[0-9]{1,10}$", "examples": ["1700000000"]}


def audioscrobbler(session: str) -> dict[str, tuple[dict[str, Schema], Schema | None]]:
    """Its forms, of somebody who has shaken hands."""
    mine: Schema = {"anyOf": [one_of(session), TEXT], "examples": [session]}
    one = {"a[0]": NAME, "t[0]": NAME, "i[0]": SECONDS, "r[0]": one_of("", "L", "B", "S")}
    more = {"b[0]": TEXT, "l[0]": SECONDS, "a[1]": NAME, "t[1]": NAME, "i[1]": SECONDS}
    hand = {"hs": one_of("true"), "p": one_of("1.2", "1.1"), "u": one_of(USER), "t": SECONDS}
    return {
        "GET /": (hand | {"a": TEXT}, None),
        "POST /np_1.2": ({}, members("s", "a", "t", s=mine, a=NAME, t=NAME, b=TEXT, l=SECONDS)),
        "POST /protocol_1.2": ({}, members("s", *one, s=mine, **one, **more)),
    }


PATHS: dict[str, list[str]] = {
    "name": [USER],
    "what": ["artists", "recordings", "releases", "release-groups", "listening-activity"],
    "track_id": ["jazz00"],
}
JSON, FORM, LINES = "application/json", "application/x-www-form-urlencoded", "text/plain"
PROBLEM = "application/problem+json"
CODED = members("code", "error", code={"type": "integer"}, error=TEXT)
FAILED = members(
    "error",
    error=members("status", "message", status={"type": "integer"}, message=TEXT),
)
NOT_GRANTED = members("error", "error_description", error=TEXT, error_description=TEXT)


def described(session: str, **ids: str) -> dict[str, Any]:
    """All three, with what each says when it refuses. `ids`: of what exists, by their names."""
    known = PATHS | {name: [one] for name, one in ids.items()}
    paths: dict[str, dict[str, Any]] = {}
    for routes in (LISTENBRAINZ, SPOTIFY, audioscrobbler(session)):
        for name, (query, body) in routes.items():
            method, path = name.split()
            paths.setdefault(path, {})[method.lower()] = _operation(path, query, body, known)
    about = {"title": "Other people's interfaces", "version": "1"}
    return {"openapi": "3.1.0", "info": about, "paths": paths}


def _operation(
    path: str, query: dict[str, Schema], body: Schema | None, known: dict[str, list[str]]
) -> dict[str, Any]:
    inside = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _path(known[name])}
        for name in inside
    ] + [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]
    if path.startswith("/1/"):
        good, refused = {JSON: members()}, {JSON: CODED}
    elif path.startswith("/spotify/"):
        good, refused = {JSON: members()}, {JSON: {"anyOf": [FAILED, NOT_GRANTED]}}
    else:
        good, refused = {LINES: TEXT}, {LINES: TEXT, PROBLEM: members("title", "status")}
    operation: dict[str, Any] = {
        "parameters": parameters,
        "responses": {
            "200": {"description": "", "content": _media(good)},
            "204": {"description": "nothing yet"},
            "default": {"description": "", "content": _media(refused)},
        },
    }
    if body is not None:
        form = not path.startswith("/1/")
        content = _media({FORM if form else JSON: body})
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path(known: list[str]) -> Schema:
    return {"anyOf": [one_of(*known), TEXT], "examples": known}


def _media(schemas: dict[str, Schema]) -> dict[str, Any]:
    return {media: {"schema": schema} for media, schema in schemas.items()}
