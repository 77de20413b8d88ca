"""Compression of JSON answers that nobody keeps, on the routes that ask for it.

Not for lists: those are compressed once, not once per request (`service/api/rendering.py`).
Litestar's own middleware takes `br;q=0` for a yes, knows no zstd and wraps every route there is.
"""

from collections.abc import Iterable
from typing import Final

import anyio
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from service.api.forms import read_coding, read_wishes
from service.api.rendering import Headers, compress
from service.cache.rendered import Rendering

MOST_ON_LOOP: Final = 64_000  # bytes: brotli takes 1 ms for 100,000 of them


def compressed(app: ASGIApp) -> ASGIApp:
    """Middleware: whole 200s in the coding the client likes best."""

    async def compressing(scope: Scope, receive: Receive, send: Send) -> None:
        _, accept_encoding, _ = read_wishes(scope["headers"])
        coding = read_coding(accept_encoding)
        start: HTTPResponseStartEvent | None = None

        async def sent(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] == "http.response.body" and start is not None:
                if start["status"] == 200 and not message["more_body"]:
                    made = await _off_loop_if_large(message["body"], coding)
                    message["body"] = made.body
                    start["headers"] = _headers(start["headers"], made)
                await send(start)
                start = None
            await send(message)

        await app(scope, receive, sent)

    return compressing


async def _off_loop_if_large(body: bytes, coding: str) -> Rendering:
    if len(body) <= MOST_ON_LOOP:
        return compress(body, coding)
    return await anyio.to_thread.run_sync(compress, body, coding)


def _headers(headers: Iterable[tuple[bytes, bytes]], made: Rendering) -> Headers:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    kept += [(b"content-length", b"%d" % len(made.body)), (b"vary", b"Accept-Encoding")]
    if made.coding != "identity":
        kept.append((b"content-encoding", made.coding.encode()))
    return kept
