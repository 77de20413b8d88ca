"""Spotify's paths at the root, for clients of which only the host can be changed.

EchoTune's own paths stay its own: `GET /v1/tracks/{id}` is the one that both have.
"""

import re
from collections.abc import Callable
from typing import Any

ASGI = Callable[..., Any]

MOUNT = "/spotify"
THEIRS = re.compile(r"/api/token/?|/v1/(?:recommendations|audio-features|artists)(?:/.*)?")
THEIRS_TO_GET = re.compile(r"/v1/tracks/?")


class Rooted:
    """An ASGI application in front of `app`, which serves these paths under `MOUNT`."""

    def __init__(self, app: ASGI) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Hand on, what is Spotify's under another path."""
        if scope["type"] == "http" and _is_theirs(scope["method"], scope["path"]):
            raw = scope.get("raw_path") or scope["path"].encode()
            moved = {"path": MOUNT + scope["path"], "raw_path": MOUNT.encode() + raw}
            scope = {**scope, **moved}
        await self._app(scope, receive, send)


def _is_theirs(method: str, path: str) -> bool:
    if THEIRS.fullmatch(path):
        return True
    return method == "GET" and THEIRS_TO_GET.fullmatch(path) is not None
