"""What Prometheus is told, and the port of its own that it may be told on."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app

from service.settings import Settings
from service.siblings import Siblings


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Shared(_Server):
    allow_reuse_port = True
    """Each worker listens: whichever lives answers for all."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """A scrape is no news."""


@contextmanager
def exposed(settings: Settings) -> Iterator[CollectorRegistry]:
    """What /metrics says: of this process, or of all workers of its server while they run."""
    if settings.workers_dir is None:
        with _served_apart(settings, REGISTRY, _Server):
            yield REGISTRY
        return
    siblings, registry = Siblings(Path(settings.workers_dir)), CollectorRegistry()
    registry.register(siblings)
    siblings.join()
    try:
        with _served_apart(settings, registry, _Shared):
            yield registry
    finally:
        siblings.leave()


@contextmanager
def _served_apart(
    settings: Settings, registry: CollectorRegistry, kind: type[_Server]
) -> Iterator[None]:
    """On a port of its own, if the settings name one."""
    if settings.metrics_port is None:
        yield
        return
    at = settings.host, settings.metrics_port
    family = socket.getaddrinfo(*at, type=socket.SOCK_STREAM)[0][0]  # a host may be of IPv6
    with type("_At", (kind,), {"address_family": family})(at, _Quiet) as server:
        server.set_app(make_wsgi_app(registry))
        thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
