"""The span of a request: stands in front of everything else, and only where spans are wanted."""

from collections.abc import Callable, Collection
from typing import Any

from service import spans
from service.api.door import masked

ASGI = Callable[..., Any]

CARRIED = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class Traced:
    """An ASGI application in front of `app`; `words` are those of paths that tell nothing."""

    def __init__(self, app: ASGI, *, words: Collection[str]) -> None:
        self._app, self._words = app, frozenset(words)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Hand on within a span; the trace of the client goes on if it sends one."""
        if scope["type"] != "http" or not spans.tracing():
            await self._app(scope, receive, send)
            return
        carried = {
            CARRIED[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in CARRIED
        }
        what = masked(scope, self._words)
        with spans.serving(what, carried) as span:
            span.set_attribute("http.request.method", what.partition(" ")[0])
            span.set_attribute("http.route", what.partition(" ")[2])

            async def noted(message: Any) -> None:  # noqa: ANN401 - ASGI
                if "status" in message:
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, noted)
