"""What a server of ours could do at best: a constant answer of the size of a list."""

from typing import Any

BODY = b"x" * 6_000
HEADERS = [
    (b"etag", b'"x"'),
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Accept, Accept-Encoding"),
    (b"server-timing", b"cache;desc=local"),
    (b"age", b"0"),
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(BODY)),
]


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI
    """Answer everything alike."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
