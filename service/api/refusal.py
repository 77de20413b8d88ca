"""How too many requests are told so: a 503 in bytes made beforehand, 2 µs each."""

from itertools import cycle
from typing import Any

from msgspec.json import encode

from service.errors import Overloaded

RETRY_AFTER_S = (1, 2, 3)
"""In turn, so that those who were refused together do not come back together."""


class Refusals:
    """The next refusal; each of them says when to come back.

    With `coded` in the words of ListenBrainz: its clients take a body without `code` for success.
    """

    def __init__(self, *, coded: bool = False) -> None:
        self._next = cycle([_refusal(seconds, coded=coded) for seconds in RETRY_AFTER_S])

    async def send(self, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Refuse."""
        start, body = next(self._next)
        await send(start)
        await send(body)


def _refusal(seconds: int, *, coded: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    why = str(Overloaded.__doc__)
    problem = {"type": "/problems/overloaded", "title": "Overloaded", "status": 503, "detail": why}
    body = encode({"code": 503, "error": why} if coded else problem)
    headers = [
        (b"content-type", b"application/json" if coded else b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"%d" % seconds),
    ]
    return (
        {"type": "http.response.start", "status": 503, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    )
