"""What a caller must be allowed to do; every route names one or the application does not start."""

from collections.abc import Iterable
from typing import Literal

from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

Scope = Literal[
    "public",
    "recs:read",
    "strategies:ask",
    "events:write",
    "users:write",
    "tracks:write",
    "admin:models",
    "admin:jobs",
    "admin:events",
    "admin:experiments",
]


class MissingScope(Exception):
    """A route without a scope: nobody decided who may call it."""


def scope(name: Scope) -> dict[str, Scope]:
    """The `opt` of a route handler that needs this scope."""
    return {"scope": name}


def check_scopes(routes: Iterable[BaseRoute]) -> None:
    """Refuse to start with an undecided route (default deny).

    Raises:
        MissingScope: naming the route.
    """
    for route in routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if not _decided(handler):
                    raise MissingScope(f"{route.path} ({handler.handler_name}) declares no scope")


def _decided(handler: HTTPRouteHandler) -> bool:
    # OPTIONS answers are made by Litestar and carry nothing but the allowed methods.
    return "scope" in handler.opt or handler.http_methods == {"OPTIONS"}
