"""Errors to RFC 9457 problem details. The only file that knows both errors and status codes."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import msgspec
import structlog
from litestar import Request, Response, get
from litestar.exceptions import HTTPException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.params import FromPath
from msgspec import Struct

from service import errors
from service.api.contract import documents
from service.api.scopes import scope

log = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


class ProblemDetails(Struct, kw_only=True, omit_defaults=True):
    """What every refusal looks like (RFC 9457); GET the `type` to read what it means."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = ""  # the path; a refusal at the door names none


Problem = Response[ProblemDetails]
PROBLEMS: dict[type[errors.EchoTuneError], tuple[int, str]] = {
    errors.Invalid: (400, "invalid"),
    errors.InvalidListen: (400, "invalid-listen"),
    errors.UnusableFile: (400, "unusable-file"),
    errors.Unauthenticated: (401, "unauthenticated"),
    errors.Forbidden: (403, "forbidden"),
    errors.NotFound: (404, "not-found"),
    errors.UnknownUser: (404, "unknown-user"),
    errors.UnknownTrack: (404, "unknown-track"),
    errors.UnknownJob: (404, "unknown-job"),
    errors.UnknownStrategy: (404, "unknown-strategy"),
    errors.UnknownExperiment: (404, "unknown-experiment"),
    errors.UnknownEvent: (404, "unknown-event"),
    errors.UnknownModel: (404, "unknown-model"),
    errors.NotAcceptable: (406, "not-acceptable"),
    errors.SlowBody: (408, "slow-body"),
    errors.Conflict: (409, "conflict"),
    errors.ModelRefused: (409, "model-refused"),
    errors.TooLarge: (413, "too-large"),
    errors.RateLimited: (429, "rate-limited"),
    errors.Unavailable: (503, "unavailable"),
    errors.StoreUnavailable: (503, "store-unavailable"),
    errors.JobsUnavailable: (503, "jobs-unavailable"),
    errors.PeerUnavailable: (503, "peer-unavailable"),
    errors.BusUnavailable: (503, "bus-unavailable"),
    errors.OutOfTime: (503, "out-of-time"),
    errors.Overloaded: (503, "overloaded"),
    errors.ModelNotReady: (503, "model-not-ready"),
}
RETRY_AFTER_S = "5"
PROBLEM_TYPE = "application/problem+json"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
CHALLENGE, INVALID = 'Bearer realm="EchoTune"', ', error="invalid_token"'  # RFC 6750
GONE = "client disconnected prematurely"  # Litestar's words; it has no class for this


def on_echotune_error(request: AnyRequest, error: errors.EchoTuneError) -> Problem:
    """An error raised on purpose: its text is safe to show."""
    return _answer(*_explained(error, request.url.path))


def problem_in_bytes(
    error: errors.EchoTuneError, path: str
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of the same answer, for what is answered without the framework."""
    details, more = _explained(error, path)
    body = msgspec.json.encode(details)
    headers = {
        **_headers(details, more),
        "Content-Length": str(len(body)),
        "Content-Type": PROBLEM_TYPE,
    }
    written = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return details.status, written, body


def _explained(error: errors.EchoTuneError, path: str) -> tuple[ProblemDetails, Mapping[str, str]]:
    status, slug = next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)
    details = ProblemDetails(
        type=f"/problems/{slug}",
        title=slug.replace("-", " ").capitalize(),
        status=status,
        detail=str(error),
        instance=path,
    )
    if isinstance(error, errors.RateLimited):
        return details, {"Retry-After": str(math.ceil(error.retry_after_s))}
    if isinstance(error, errors.Unauthenticated):
        return details, {"WWW-Authenticate": CHALLENGE + INVALID * error.refused}
    return details, NO_HEADERS


def on_http_exception(request: AnyRequest, error: HTTPException) -> Problem:
    """An error of the framework: unknown path, wrong method, body too large or cut short."""
    if isinstance(error, NotFoundException):
        known = errors.NotFound(f"nothing is served at {request.url.path!r}: see /schema")
        return on_echotune_error(request, known)
    if isinstance(error, RequestEntityTooLarge):
        most = request.route_handler.resolve_request_max_body_size()
        return on_echotune_error(request, errors.TooLarge(f"the body may have {most} bytes here"))
    if error.detail == GONE:
        return on_echotune_error(request, errors.Invalid("the body ended too early"))
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_anything_else(request, error)
    allowed = (error.headers or {}).get("allow")
    return _answer(
        ProblemDetails(
            title=HTTPStatus(error.status_code).phrase,
            status=error.status_code,
            detail=f"this path takes {allowed}" if allowed else error.detail,
            instance=request.url.path,
        ),
        {"Allow": allowed} if allowed else {},
    )


def on_anything_else(request: AnyRequest, error: Exception) -> Problem:
    """A bug. The log gets everything, the client gets nothing it could learn from."""
    # The route and not the path, which names somebody.
    log.error("unexpected error", route=request.scope.get("path_template"), exc_info=error)
    return _answer(
        ProblemDetails(
            title=HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            detail="an unexpected error; the log has it",
            instance=request.url.path,
        )
    )


def _headers(details: ProblemDetails, more: Mapping[str, str]) -> dict[str, str]:
    if details.status == HTTPStatus.SERVICE_UNAVAILABLE:
        more = {"Retry-After": RETRY_AFTER_S}
    if details.status == HTTPStatus.REQUEST_TIMEOUT:  # the rest of the body may still be coming
        more = {"Connection": "close"}
    return {"Cache-Control": "no-store", **more}


def _answer(details: ProblemDetails, headers: Mapping[str, str] = NO_HEADERS) -> Problem:
    return Problem(
        details,
        status_code=details.status,
        media_type=PROBLEM_TYPE,
        headers=_headers(details, headers),
    )


@get(
    "/problems/{slug:str}",
    operation_id="explainProblem",
    operation_class=documents(),
    opt=scope("public"),
    tags=["operations"],
    media_type="text/plain",
    sync_to_thread=False,
)
def explain_problem(slug: FromPath[str]) -> str:
    """What a problem `type` means."""
    for error, (status, name) in PROBLEMS.items():
        if name == slug:
            return f"{name} ({status})\n\n{error.__doc__}\n"
    raise errors.NotFound(f"there is no problem type {slug!r}")


EXCEPTION_HANDLERS: Any = {
    errors.EchoTuneError: on_echotune_error,
    HTTPException: on_http_exception,
    Exception: on_anything_else,
}
