"""How too many requests are told so: a 503 in bytes made beforehand, 2 µs each."""

from itertools import cycle
from typing import Any

from msgspec.json import encode

from service.errors import Overloaded

RETRY_AFTER_S = (1, 2, 3)
"""In turn, so that those who were refused together do not come back together."""


class Refusals:
    """The next refusal; each of them says when to come back."""

    def __init__(self) -> None:
        self._next = cycle([_refusal(seconds) for seconds in RETRY_AFTER_S])

    async def send(self, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Refuse."""
        start, body = next(self._next)
        await send(start)
        await send(body)


def _refusal(seconds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    body = encode(
        {
            "type": "/problems/overloaded",
            "title": "Overloaded",
            "status": 503,
            "detail": str(Overloaded.__doc__),
        }
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"%d" % seconds),
    ]
    return (
        {"type": "http.response.start", "status": 503, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    )
