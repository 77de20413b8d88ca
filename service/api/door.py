"""Who calls is asked here, before anything else, whichever way the request goes on.

What they may do is said where it is done: the two short ways ask by themselves, every route of the
application by `scopes.guard`. So nothing has to guess beforehand which route a path will be.
"""

from collections.abc import Callable
from typing import Any

from service.access.identity import EVERYBODY, Identity
from service.access.keyring import Header, Keyring
from service.api.problems import problem_in_bytes
from service.errors import EchoTuneError, Unauthenticated

ASGI = Callable[..., Any]

AUTHORIZATION, API_KEY = b"authorization", b"x-api-key"
KEPT = ("/v1/", "/ofrep/")
"""Where nothing is public: refused here already, as cheaply as can be."""


class Door:
    """An ASGI application in front of `app`, and the outermost.

    `keyring`: whom to ask, once the application has started; it says None where anybody may come.
    """

    def __init__(self, app: ASGI, keyring: Callable[[], Keyring | None]) -> None:
        self._app, self._keyring = app, keyring

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Hand on with `scope["identity"]`, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        keyring = self._keyring()
        try:
            scope["identity"] = EVERYBODY if keyring is None else _identity(scope, keyring)
        except EchoTuneError as error:
            await refuse(error, scope["path"], send)
            return
        await self._app(scope, receive, send)


def _identity(scope: Any, keyring: Keyring) -> Identity | None:  # noqa: ANN401 - ASGI
    """Who calls; None: nobody that is known, where anybody may come."""
    header: Header | None = None
    for name, value in scope["headers"]:
        if name in (AUTHORIZATION, API_KEY):
            if header is not None:  # two proxies could each believe another one
                raise Unauthenticated("send one key, once")
            header = value if name == AUTHORIZATION else (value,)
    identity = None if header is None else keyring.identity(header)
    if identity is None and scope["path"].startswith(KEPT):
        if header is None:
            raise Unauthenticated("send a key: Authorization: Bearer et_…, or X-API-Key: et_…")
        raise Unauthenticated("this key opens nothing: it is none, revoked or over", refused=True)
    return identity


async def refuse(error: EchoTuneError, path: str, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Send what the application would have."""
    status, headers, body = problem_in_bytes(error, path)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
