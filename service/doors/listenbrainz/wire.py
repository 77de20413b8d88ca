"""What holds for every request of this door, before any route: paths, headers, who may ask.

Players write their addresses in several ways; all of them end at `/1/…`. A browser may read answers
only where tokens are secrets: else any page could be anybody.
"""

import re
import time
from collections.abc import Callable
from typing import Any

ASGI = Callable[..., Any]

ROOTS = ("/apis/listenbrainz", "")
SLASHES = re.compile("/{2,}")
PREFIX = "/1/"
LIMIT, WINDOW_S = 100_000, 10
"""As the original says of a token: clients sleep when nothing remains, so nothing is counted here;
what limits listens is `ECHOTUNE_USER_LISTENS_PER_MINUTE`, and it answers 503."""
CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-headers", b"Authorization, Content-Type"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-max-age", b"21600"),
)


class Wire:
    """An ASGI application in front of `app`; other paths go through untouched."""

    def __init__(self, app: ASGI, *, cors: bool, clock: Callable[[], float] = time.time) -> None:
        self._app, self._cors, self._clock = app, CORS if cors else (), clock

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answer OPTIONS; else hand on, with the path as the routes know it."""
        path = door_path(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self._app(scope, receive, send)
            return

        async def headed(message: Any) -> None:  # noqa: ANN401 - ASGI
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers()]
            await send(message)

        if scope["method"] == "OPTIONS":
            await headed({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, headed)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        now = int(self._clock())
        reset_in = WINDOW_S - now % WINDOW_S
        return [
            *self._cors,
            (b"x-ratelimit-limit", b"%d" % LIMIT),
            (b"x-ratelimit-remaining", b"%d" % (LIMIT - 1)),
            (b"x-ratelimit-reset-in", b"%d" % reset_in),
            (b"x-ratelimit-reset", b"%d" % (now + reset_in)),
        ]


def door_path(path: str) -> str | None:
    """The path as the routes have it; None of other doors."""
    for root in ROOTS:
        rest = path.removeprefix(root)
        if (root and rest != path) or not root:
            plain = SLASHES.sub("/", rest)
            if plain.startswith(PREFIX):
                return plain.rstrip("/")
    return None
