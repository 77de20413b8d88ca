"""A collector of OpenTelemetry for tests: takes spans by OTLP over HTTP, as any other would."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.servers import HOST


class Span(Struct, frozen=True):
    """One step, as it was sent."""

    name: str
    trace: str
    id: str
    parent: str
    service: str
    links: list[str]  # of other traces
    attributes: dict[str, str]


class Collector:
    """What came in, at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []

    def named(self, name: str) -> list[Span]:
        return [one for one in self.spans if one.name == name]

    def one(self, name: str) -> Span:
        (found,) = self.named(name)
        return found

    def take(self, body: bytes) -> None:
        for of in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(
                one.value.string_value
                for one in of.resource.attributes
                if one.key == "service.name"
            )
            self.spans += [
                Span(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    service,
                    [link.trace_id.hex() for link in span.links],
                    {
                        one.key: one.value.string_value or str(one.value.int_value)
                        for one in span.attributes
                    },
                )
                for within in of.scope_spans
                for span in within.spans
            ]


@contextmanager
def collector() -> Iterator[Collector]:
    """On a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            found.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        found = Collector(f"http://{HOST}:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
