"""What OPTIONS says of a path: every method that it takes.

Litestar makes that answer with the first route handler of a path and keeps it when more come.
"""

from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send


def name_methods(app: ASGIApp) -> ASGIApp:
    """Middleware: `Allow` as the routes have it."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "OPTIONS":
            await app(scope, receive, send)
            return
        methods = {
            method
            for route in scope["litestar_app"].routes
            if isinstance(route, HTTPRoute) and route.path_format == scope["path_template"]
            for method in route.methods
        }
        allow = (b"allow", ", ".join(sorted(methods)).encode())

        async def corrected(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if one[0].lower() != b"allow"]
                message = {**message, "headers": [*kept, allow]}
            await send(message)

        await app(scope, receive, corrected)

    return named
