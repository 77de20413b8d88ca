"""Requests to no host, and bodies that never end: refused.

The server has a time limit for headers and none for bodies. A request that states its length twice
it takes as chunked, drops the other length and hangs up after it, so that nothing can follow.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.json import encode

from service.errors import SlowBody

ASGI = Callable[..., Any]

WITHIN_S = 5.0
"""From the first look at a body to its end: 4 MB at 0.8 MB/s, or 64 KB over a bad line."""
BODILESS = frozenset(("GET", "HEAD"))


class Bodies:
    """An ASGI application in front of `app`."""

    def __init__(self, app: ASGI, *, within_s: float = WITHIN_S) -> None:
        self._app, self._within_s = app, within_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Hand on, with a body that comes in time or not at all."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["http_version"] == "1.1" and not _host(scope["headers"]):
            await _refuse(send, "HTTP/1.1 needs a host header")
        elif scope["method"] in BODILESS:
            await self._app(scope, receive, send)
        else:
            await self._app(scope, self._timed(receive), send)

    def _timed(self, receive: Any) -> Any:  # noqa: ANN401 - ASGI
        until = asyncio.get_running_loop().time() + self._within_s
        whole = False

        async def timed() -> Any:  # noqa: ANN401
            nonlocal whole
            if whole:  # what comes now is that the client leaves, whenever that is
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise SlowBody(f"the body did not come within {self._within_s:g} s") from None
            whole = not message.get("more_body")
            return message

        return timed


def _host(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name == b"host":
            return value
    return b""


async def _refuse(send: Any, detail: str) -> None:  # noqa: ANN401 - ASGI
    body = encode(
        {"type": "/problems/invalid", "title": "Invalid", "status": 400, "detail": detail}
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
