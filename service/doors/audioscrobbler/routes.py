"""Three paths that answer in lines of text: the handshake, what plays now, what was played."""

from typing import Any
from urllib.parse import parse_qsl

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import RawBody

from service import metrics
from service.doors.audioscrobbler.sessions import Sessions, is_timely, sessions_of
from service.doors.audioscrobbler.submission import Malformed, claim_of, form_of, plays_of
from service.doors.identity import Resolver
from service.errors import RateLimited, Unavailable
from service.learn.ingest import Ingest
from service.settings import Settings

AnyRequest = Request[Any, Any, Any]
FORM_BYTES = 256 << 10
NOW_PLAYING, SUBMISSION = "/np_1.2", "/protocol_1.2"
VERSIONS = ("1.2", "1.2.1")
OK, BADAUTH, BADSESSION, BADTIME = "OK\n", "BADAUTH\n", "BADSESSION\n", "BADTIME\n"
PUBLIC, WRITES = {"scope": "public"}, {"scope": "door"}


def audioscrobbler_routes(settings: Settings) -> list[type[Controller]]:
    """What to mount at the root: nothing unless it is turned on.

    Raises:
        Invalid: the file of tokens cannot be read.
    """
    if settings.audioscrobbler == "off":
        return []
    sessions = sessions_of(settings)

    class AudioscrobblerController(Controller):
        include_in_schema = False  # somebody else's interface: docs/doors/audioscrobbler.md

        @get("/", opt=PUBLIC)
        async def handshake(
            self, request: AnyRequest, ingest: NamedDependency[Ingest]
        ) -> Response[str]:
            """A session, and where to bring what was played."""
            now_s = ingest.now().timestamp()
            return _handshake(sessions, _query(request), str(request.base_url), now_s)

        @post(NOW_PLAYING, status_code=200, opt=WRITES, request_max_body_size=FORM_BYTES)
        async def now_playing(self, body: RawBody) -> Response[str]:
            """Checked and kept nowhere: a list follows what was played, not what may be skipped."""
            try:
                form = form_of(body)
                if sessions.user(form.get("s", "")) is None:
                    return _text(BADSESSION)
                claim_of(form)
            except Malformed as error:
                return _failed(str(error))
            return _text(OK)

        @post(SUBMISSION, status_code=200, opt=WRITES, request_max_body_size=FORM_BYTES)
        async def submit(
            self,
            request: AnyRequest,
            body: RawBody,
            resolver: NamedDependency[Resolver],
            ingest: NamedDependency[Ingest],
        ) -> Response[str]:
            """Up to 50 plays; OK once all of them are durable."""
            source = request.client.host if request.client else ""
            try:
                return await _submit(sessions, body, resolver, ingest, source=source)
            except Malformed as error:
                return _failed(str(error))
            except (RateLimited, Unavailable) as error:  # players keep what failed, and come again
                return _failed(str(error), status=503)

    return [AudioscrobblerController]


def _handshake(
    sessions: Sessions, query: dict[str, str], base_url: str, now_s: float
) -> Response[str]:
    if query.get("hs") != "true":
        return _text("EchoTune speaks the Audioscrobbler protocol 1.2 here.\n")
    if query.get("p") not in VERSIONS:
        return _failed("only protocol 1.2 is spoken here")
    at = query.get("t", "")
    session = sessions.open(query.get("u", ""), at, query.get("a", ""))
    if session is None:
        return _text(BADAUTH, status=401)
    if not is_timely(at, now_s):
        return _text(BADTIME)
    base = base_url.rstrip("/")
    return _text(f"{OK}{session}\n{base}{NOW_PLAYING}\n{base}{SUBMISSION}\n")


async def _submit(
    sessions: Sessions,
    body: bytes,
    resolver: Resolver,
    ingest: Ingest,
    *,
    source: str,
) -> Response[str]:
    form = form_of(body)
    user_id = sessions.user(form.get("s", ""))
    if user_id is None:
        return _text(BADSESSION)
    plays = plays_of(form)
    track_ids = await resolver.resolve([play.claim for play in plays])
    listens = [
        listen
        for play, track_id in zip(plays, track_ids, strict=True)
        for listen in play.listens(user_id, track_id)
    ]
    receipt = await ingest.take(listens, source=source)
    metrics.SCROBBLES.labels("stored").inc(receipt.accepted)
    metrics.SCROBBLES.labels("duplicate").inc(receipt.duplicates)
    metrics.SCROBBLES.labels("refused").inc(len(receipt.rejected))
    return _text(OK)


def _query(request: AnyRequest) -> dict[str, str]:
    try:
        return dict(parse_qsl(request.scope["query_string"].decode("latin-1"), max_num_fields=50))
    except ValueError:  # more members than anybody's handshake has
        return {}


def _failed(why: str, *, status: int = 200) -> Response[str]:
    return _text(f"FAILED {' '.join(why.split())}\n", status=status)


def _text(text: str, *, status: int = 200) -> Response[str]:
    headers = {"Cache-Control": "no-store"}
    return Response(text, media_type=MediaType.TEXT, status_code=status, headers=headers)
