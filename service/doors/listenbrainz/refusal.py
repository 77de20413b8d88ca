"""What a refusal looks like here: `{"code", "error"}`, which clients read before anything else.

Navidrome takes a body without `code` for success and every code but 500 and 503 for final: so
whoever may come again is told 503, never 429, or their listen is lost.
"""

import math
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from service.errors import EchoTuneError, Invalid, NotFound, RateLimited, SlowBody, Unavailable

log = structlog.get_logger()
AnyRequest = Request[Any, Any, Any]

RETRY_AFTER_S = 5


class Refused(Exception):
    """The contract says no; `listen` is the one that is at fault, which the answer repeats."""

    def __init__(self, code: int, error: str, listen: dict[str, Any] | None = None) -> None:
        super().__init__(error)
        self.code, self.error, self.listen = code, error, listen or {}


def bad(error: str, listen: dict[str, Any] | None = None) -> Refused:
    """A 400."""
    return Refused(HTTPStatus.BAD_REQUEST, error, listen)


def on_refused(_request: AnyRequest, refused: Refused) -> Response[Any]:
    """The contract's own no."""
    return _answer(refused.code, refused.error, more=refused.listen)


def on_echotune_error(_request: AnyRequest, error: EchoTuneError) -> Response[Any]:
    """What the house raises on purpose."""
    if isinstance(error, RateLimited):
        return _answer(503, str(error), retry_after_s=math.ceil(error.retry_after_s))
    if isinstance(error, Unavailable | SlowBody):
        return _answer(503, str(error), retry_after_s=RETRY_AFTER_S)
    known = ((NotFound, 404), (Invalid, 400))
    code = next((code for kind, code in known if isinstance(error, kind)), 400)
    return _answer(code, str(error))


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """What the framework raises: no such path, wrong method, a body too large or cut short."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_anything_else(request, error)
    allowed = (error.headers or {}).get("allow", "")
    return _answer(error.status_code, HTTPStatus(error.status_code).phrase, allowed=allowed)


def on_anything_else(request: AnyRequest, error: Exception) -> Response[Any]:
    """A bug: the log gets everything, the client is told to come again."""
    # The route and not the path, which names somebody.
    log.error("unexpected error", route=request.scope.get("path_template"), exc_info=error)
    return _answer(500, "Something went wrong. Please try again.")


def _answer(
    code: int,
    error: str,
    *,
    more: dict[str, Any] | None = None,
    retry_after_s: int = 0,
    allowed: str = "",
) -> Response[Any]:
    headers = {"Cache-Control": "no-store"}
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    if allowed:
        headers["Allow"] = allowed
    body = msgspec.json.encode({**(more or {}), "code": int(code), "error": error})
    return Response(body, status_code=code, media_type="application/json", headers=headers)


EXCEPTION_HANDLERS: Any = {
    Refused: on_refused,
    EchoTuneError: on_echotune_error,
    HTTPException: on_http_exception,
    Exception: on_anything_else,
}
