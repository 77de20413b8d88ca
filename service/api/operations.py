"""Health and metrics: for whoever keeps the service running."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from service.api.contract import documents
from service.api.scopes import scope
from service.errors import Unavailable
from service.model.current import Current
from service.store import Store

WITHOUT_CHARSET = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""Litestar puts one behind every text."""


class Health(Struct, frozen=True):
    """`status` is "ok" or "unavailable"; `checks` says which part."""

    status: str
    checks: dict[str, str]


class HealthController(Controller):
    """Liveness and readiness."""

    tags = ("operations",)

    path = "/health"
    opt = scope("public")

    @get("/live", operation_id="live", operation_class=documents(), sync_to_thread=False)
    def live(self) -> Health:
        """The event loop turns; nothing else is looked at."""
        return Health("ok", {"process": "ok"})

    @get("/ready", operation_id="ready", operation_class=documents())
    async def ready(
        self, store: NamedDependency[Store], current: NamedDependency[Current]
    ) -> Response[Health]:
        """The store answers. A missing model is reported, not fatal: lists are popular then."""
        try:
            await store.ping()
        except Unavailable as error:
            return Response(Health("unavailable", {"store": str(error)}), status_code=503)
        model = current.model.version if current.model else "none yet: popular lists until a fit"
        checks = {"store": "ok", "catalogue": f"{current.catalogue.size} tracks", "model": model}
        return Response(Health("ok", checks))


@get(
    "/metrics",
    operation_id="metrics",
    operation_class=documents(),
    opt=scope("public"),
    tags=["operations"],
    media_type=CONTENT_TYPE_LATEST,
    sync_to_thread=True,  # with several workers it reads what each of them has written
)
def read_metrics(registry: NamedDependency[CollectorRegistry]) -> Response[bytes]:
    """Everything Prometheus wants to know."""
    return Response(generate_latest(registry), media_type=WITHOUT_CHARSET)
