"""Errors to RFC 9457 problem details. The only file that knows both errors and status codes."""

from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from service import errors
from service.api.scopes import scope

log = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]
Problem = Response[dict[str, Any]]
PROBLEMS: dict[type[errors.EchoTuneError], tuple[int, str]] = {
    errors.Invalid: (400, "invalid"),
    errors.InvalidListen: (400, "invalid-listen"),
    errors.UnusableFile: (400, "unusable-file"),
    errors.NotFound: (404, "not-found"),
    errors.UnknownUser: (404, "unknown-user"),
    errors.UnknownTrack: (404, "unknown-track"),
    errors.UnknownJob: (404, "unknown-job"),
    errors.UnknownModel: (404, "unknown-model"),
    errors.Conflict: (409, "conflict"),
    errors.AlreadyRunning: (409, "already-running"),
    errors.TooLarge: (413, "too-large"),
    errors.Unavailable: (503, "unavailable"),
    errors.StoreUnavailable: (503, "store-unavailable"),
    errors.ModelNotReady: (503, "model-not-ready"),
}
RETRY_AFTER_S = "5"


def on_echotune_error(request: AnyRequest, error: errors.EchoTuneError) -> Problem:
    """An error raised on purpose: its text is safe to show."""
    status, slug = next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)
    title = slug.replace("-", " ").capitalize()
    return _problem(request, status, title, str(error), type=f"/problems/{slug}")


def on_http_exception(request: AnyRequest, error: HTTPException) -> Problem:
    """An error of the framework: unknown path, wrong method, body too large."""
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_anything_else(request, error)
    extra = {"errors": error.extra} if error.extra else {}
    title = HTTPStatus(error.status_code).phrase  # no `type` member means about:blank
    return _problem(request, error.status_code, title, error.detail, **extra)


def on_anything_else(request: AnyRequest, error: Exception) -> Problem:
    """A bug. The log gets everything, the client gets nothing it could learn from."""
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return _problem(request, 500, "Internal Server Error", "an unexpected error; the log has it")


def _problem(request: AnyRequest, status: int, title: str, detail: str, **more: Any) -> Problem:  # noqa: ANN401
    body = {"title": title, "status": status, "detail": detail, "instance": request.url.path}
    headers = {"Retry-After": RETRY_AFTER_S} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Problem(
        body | more, status_code=status, media_type="application/problem+json", headers=headers
    )


@get("/problems/{slug:str}", opt=scope("public"), media_type="text/plain", sync_to_thread=False)
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
