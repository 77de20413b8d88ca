"""What a caller must be allowed to do; every route names one or the application does not start."""

from collections.abc import Iterable
from typing import Any, Literal

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from service.access.identity import Identity
from service.api_key import Scope
from service.errors import Forbidden, Unauthenticated

Whose = Literal["all", "nobody", "path", "asked"]
"""Of whom a route tells or changes something.

`all`: of others too, and so a key of one user does not open it. `nobody`: of nobody. `path`: of the
`user_id` in the path. `asked`: of whom the body or query names; the route calls `check_user`.
"""


class MissingScope(Exception):
    """A route without a scope: nobody decided who may call it."""


def scope(name: Scope, *, whose: Whose = "all") -> dict[str, str]:
    """The `opt` of a route handler that needs this scope."""
    return {"scope": name, "whose": whose}


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


def words(app: Litestar) -> set[str]:
    """Every part of a path that is the same for all."""
    parts = {part for route in app.routes for part in route.path_format.split("/")}
    return {part for part in parts if part and not part.startswith("{")}


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Before every route of the application, where callers have to say who they are.

    Raises:
        Unauthenticated: nobody says who calls.
        Forbidden: whoever calls may not do this, or not of this user.
    """
    needed = handler.opt.get("scope")
    if needed in ("public", "door") or (needed is None and _decided(handler)):
        return
    identity: Identity | None = connection.scope.get("identity")  # type: ignore[assignment]
    connection.scope["asked"] = needed  # type: ignore[typeddict-unknown-key] # the door writes it down
    if identity is None:
        raise Unauthenticated("send a key: Authorization: Bearer et_…, or X-API-Key: et_…")
    if needed is None or not identity.may(needed):
        raise Forbidden(f"this key has not the scope {needed}")
    whose = handler.opt.get("whose", "all")
    if whose == "all" and identity.user_id is not None:
        raise Forbidden("this key is of one user, and here others are told of, too")
    if whose == "path":
        identity.check_user([connection.path_params["user_id"]])


def check_user(request: ASGIConnection[Any, Any, Any, Any], *user_ids: str) -> None:
    """For routes that are `asked` of whom: refuse anybody else than the user of the key.

    Raises:
        Forbidden
    """
    identity: Identity | None = request.scope.get("identity")  # type: ignore[assignment]
    if identity is not None:  # else anybody may come: `guard` has not let others this far
        identity.check_user(user_ids)


def may_ask(identity: Identity | None, scope: Scope, *user_ids: str) -> bool:
    """For the short ways: whether to answer; who says no hands on to the route, which says why."""
    if identity is None or scope not in identity.scopes:
        return False
    mine = identity.user_id
    return mine is None or user_ids.count(mine) == len(user_ids)


def _decided(handler: BaseRouteHandler) -> bool:
    # OPTIONS answers are made by Litestar and carry nothing but the allowed methods.
    return "scope" in handler.opt or (
        isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}
    )
