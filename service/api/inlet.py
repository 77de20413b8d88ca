"""The short way in: good listens are taken before any framework, which would cost twice as much.

Whatever is not understood goes on to the application with the same bytes, and is told why there.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any

import msgspec
from litestar.datastructures import State

from service import metrics
from service.api.listens import LISTENS_BYTES, MOST_LISTENS
from service.api.problems import problem_in_bytes
from service.api.scopes import may_ask
from service.api_key import Scope
from service.domain import Listen
from service.errors import EchoTuneError, InvalidListen, SlowBody
from service.learn.ingest import Ingest, Receipt

ASGI = Callable[..., Any]
Message = dict[str, Any]

PATH = "/v1/listens"
SCOPE: Scope = "events:write"
MOST_DIGITS = 19
ACCEPTED = HTTPStatus.ACCEPTED.value
JSON = (b"content-type", b"application/json")
_listens = msgspec.json.Decoder(list[Listen])
_listen = msgspec.json.Decoder(Listen)
_encode = msgspec.json.Encoder().encode


class Inlet:
    """An ASGI application in front of `app`, whose `state` holds the house once it has started."""

    def __init__(self, app: ASGI, state: State) -> None:
        self._app, self._state = app, state
        self._seconds = metrics.REQUEST_SECONDS.labels(PATH, str(ACCEPTED))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Take the listens, or hand on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        start, messages = perf_counter(), list[Message]()
        body = (
            None if _announced(scope["headers"]) > LISTENS_BYTES else await _body(receive, messages)
        )
        listens = _decoded(body)
        if listens is None or not may_ask(
            scope.get("identity"), SCOPE, *(one.user_id for one in listens[0])
        ):
            await self._app(scope, _replayed(messages, receive), send)
            return
        client = scope.get("client")
        ingest: Ingest = self._state.house.ingest
        try:
            receipt = await ingest.take(listens[0], source=client[0] if client else "")
            if listens[1] and receipt.rejected:
                raise InvalidListen(receipt.rejected[0].error)
        except EchoTuneError as error:
            status, headers, body = problem_in_bytes(error, PATH)
            metrics.REQUEST_SECONDS.labels(PATH, str(status)).observe(perf_counter() - start)
        else:
            status, headers, body = _accepted(receipt)
            self._seconds.observe(perf_counter() - start)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _accepted(receipt: Receipt) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    body = _encode(receipt)
    return ACCEPTED, [JSON, (b"content-length", b"%d" % len(body))], body


def _decoded(body: bytes | None) -> tuple[Sequence[Listen], bool] | None:
    """The listens, and whether it is one alone; None where any of it is not as it should be."""
    if body is None:
        return None
    try:
        if body.lstrip()[:1] == b"[":
            listens = _listens.decode(body)
            return (listens, False) if len(listens) <= MOST_LISTENS else None
        return [_listen.decode(body)], True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _announced(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """The length that the client says its body has; 0 when it says none, or nonsense."""
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length) if length.isdigit() and len(length) < MOST_DIGITS else 0


async def _body(receive: Any, messages: list[Message]) -> bytes | None:  # noqa: ANN401 - ASGI
    """The whole body, while every message is kept; None when it is too long or does not come."""
    size, more = 0, True
    while more:
        try:
            message = await receive()
        except SlowBody:  # whoever asks again meets it again
            return None
        messages.append(message)
        if message["type"] != "http.request":
            return None
        size += len(message.get("body", b""))
        if size > LISTENS_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(message.get("body", b"") for message in messages)


def _replayed(messages: list[Message], receive: Any) -> Any:  # noqa: ANN401 - ASGI
    waiting = iter(messages)

    async def again() -> Any:  # noqa: ANN401
        return next(waiting, None) or await receive()

    return again
