"""What goes wrong, in Spotify's shape: {"error": {"status": 400, "message": "invalid limit"}}."""

import math
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import Struct

from service.errors import EchoTuneError, RateLimited, Unavailable

log = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]
RETRY_AFTER_S = 5


class Refused(Exception):
    """A status and a message for whoever asked; never leaves this folder."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class GrantRefused(Exception):
    """No token: the code and the reason, in the shape OAuth has for them."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class Failure(Struct, frozen=True):
    """The status again, and why."""

    status: int
    message: str


class Failed(Struct, frozen=True):
    """The body of every refusal."""

    error: Failure


class NotGranted(Struct, frozen=True):
    """The body where there is no token (RFC 6749, 5.2)."""

    error: str
    error_description: str


def on_refused(_: AnyRequest, error: Refused) -> Response[Failed]:
    """What the door itself refuses."""
    return _failed(error.status, error.message)


def on_grant_refused(_: AnyRequest, error: GrantRefused) -> Response[NotGranted]:
    """What the token endpoint refuses: always 400, as at Spotify."""
    return Response(NotGranted(error.code, error.why), status_code=400, headers=NO_STORE)


def on_echotune_error(request: AnyRequest, error: EchoTuneError) -> Response[Failed]:
    """The house behind the door: busy, or a part of it is away."""
    if isinstance(error, RateLimited):
        return _failed(429, "API rate limit exceeded", retry_s=math.ceil(error.retry_after_s))
    if isinstance(error, Unavailable):
        return _failed(503, str(error), retry_s=RETRY_AFTER_S)
    return on_anything_else(request, error)


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[Failed]:
    """What the framework refuses, unknown paths and methods under `MOUNT` as well."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _failed(404, "Service not found")
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_anything_else(request, error)
    allowed = (error.headers or {}).get("allow", "")
    return _failed(error.status_code, HTTPStatus(error.status_code).phrase, allowed=allowed)


def on_anything_else(request: AnyRequest, error: Exception) -> Response[Failed]:
    """A bug. The log gets everything, the client nothing it could learn from."""
    # The route and not the path, which names somebody.
    log.error("unexpected error", route=request.scope.get("path_template"), exc_info=error)
    return _failed(500, "Internal server error")


def _failed(
    status: int, message: str, *, retry_s: int | None = None, allowed: str = ""
) -> Response[Failed]:
    headers = dict(NO_STORE)
    if retry_s is not None:
        headers["Retry-After"] = str(retry_s)
    if allowed:
        headers["Allow"] = allowed
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="spotify"'
    return Response(Failed(Failure(status, message)), status_code=status, headers=headers)


NO_STORE = {"Cache-Control": "no-store"}
HANDLERS: Any = {
    Refused: on_refused,
    GrantRefused: on_grant_refused,
    EchoTuneError: on_echotune_error,
    HTTPException: on_http_exception,
    Exception: on_anything_else,
}
