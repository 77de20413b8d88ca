"""Who calls is asked here, before anything else, whichever way the request goes on.

What they may do is said where it is done: the two short ways ask by themselves, every route of the
application by `scopes.guard`. So nothing has to guess beforehand which route a path will be.
"""

import math
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from service.access.credential import NOTHING, Header, too_long
from service.access.gate import Gate
from service.access.identity import EVERYBODY, Identity
from service.access.limits import KeyLimits
from service.api.admission import CODED
from service.api.headers import headers_of
from service.api.problems import problem_in_bytes
from service.errors import EchoTuneError, RateLimited, Unauthenticated

ASGI = Callable[..., Any]

AUTHORIZATION = b"authorization"
CREDENTIALS = frozenset((AUTHORIZATION, b"x-api-key"))
DENIED = frozenset((401, 403, 429))
NOT_MODIFIED = 304
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
MOST_PARTS = 8
KEPT = ("/v1/", "/ofrep/")
"""Where nothing is public: refused here already, as cheaply as can be."""


class Door:
    """An ASGI application in front of `app`, and the outermost.

    `gate`: what to ask, once the application has started; it says None where anybody may come.
    `words`: what a path may hold without telling anything, for whoever reads what was refused.
    """

    def __init__(
        self, app: ASGI, gate: Callable[[], Gate | None], *, words: Collection[str] = ()
    ) -> None:
        self._app, self._gate, self._words = app, gate, frozenset(words)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Hand on with `scope["identity"]`, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, path = 0, scope["path"]
        more = headers_of(path)

        async def sent(message: Any) -> None:  # noqa: ANN401 - ASGI
            nonlocal status
            status = message.get("status", status)
            if message.get("status", NOT_MODIFIED) != NOT_MODIFIED:
                # What a 304 says of is kept with headers of its own.
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        gate = self._gate()
        if gate is None:
            scope["identity"] = EVERYBODY
            await self._app(scope, receive, sent)
            return
        identity: Identity | None = None
        try:
            header = _header(scope["headers"])
            identity = _known(header, path, gate)
            if identity is None and path.startswith(KEPT):
                identity = await _stranger(header, gate, (scope.get("client") or ("",))[0])
            scope["identity"] = identity
            if identity is not None and (wait_s := gate.limits.take(identity)) != 0.0:
                await _wait(gate.limits, identity, wait_s)
        except EchoTuneError as error:
            await refuse(error, path, sent)
        else:
            await self._app(scope, receive, sent)
        asked = scope.get("asked")
        if status in DENIED or (asked is not None and asked.startswith("admin:")):
            who = identity.name if identity else ""
            what = masked(scope, self._words)
            gate.audit.note(who, what, status, (scope.get("client") or ("",))[0])


def masked(scope: Any, words: Collection[str]) -> str:  # noqa: ANN401 - ASGI
    """Method and path, with a star for whatever is not a word of ours."""
    method = scope["method"] if scope["method"] in METHODS else "*"
    parts = scope["path"].split("/")[1 : MOST_PARTS + 1]
    return f"{method} /" + "/".join(one if one in words else "*" for one in parts)


def _known(header: Header | None, path: str, gate: Gate) -> Identity | None:
    """Who calls, if nobody has to be asked; a way of its own, for a coroutine costs as much."""
    if header is None:
        return None
    if gate.tokens is not None and path.startswith(KEPT):
        # First, or each of them is taken apart for a key it is not.
        identity = gate.tokens.remembered(header)
        if identity is not None:
            return identity
    return gate.keyring.identity(header)


def _header(headers: Iterable[tuple[bytes, bytes]]) -> Header | None:
    header: Header | None = None
    for name, value in headers:
        if name in CREDENTIALS:
            if header is not None:  # two proxies could each believe another one
                raise Unauthenticated("send one key, once")
            if too_long(value):
                raise Unauthenticated("no key or token is that long", refused=True)
            header = value if name == AUTHORIZATION else (value,)
    return header


async def _stranger(header: Header | None, gate: Gate, source: str) -> Identity:
    """Whose token it is, for a key it is not."""
    if header is None:
        raise Unauthenticated("send a key: Authorization: Bearer et_…, or X-API-Key: et_…")
    tokens = gate.tokens
    gate.strangers.check(source)
    if tokens is None:
        gate.strangers.failed(source)
        raise Unauthenticated(NOTHING, refused=True)
    try:
        return await tokens.identity(header)
    except Unauthenticated:
        gate.strangers.failed(source)
        raise


async def _wait(limits: KeyLimits, identity: Identity, wait_s: float | None) -> None:
    if wait_s is None:
        wait_s = await limits.ask(identity)
    if wait_s:
        seconds = max(math.ceil(wait_s), 1)
        raise RateLimited(f"this key has had its share: again in {seconds} s", seconds)


async def refuse(error: EchoTuneError, path: str, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Send what the application would have.

    Players of ListenBrainz lose a listen on 429, and take a body without `code` for success.
    """
    status, headers, body = problem_in_bytes(error, path)
    if path.startswith(CODED):
        status = 503 if status == 429 else status
        body = msgspec.json.encode({"code": status, "error": str(error)})
        kept = (one for one in headers if not one[0].startswith(b"content-"))
        length = str(len(body)).encode()
        headers = [*kept, (b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
