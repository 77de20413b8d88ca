"""Another process that is asked over HTTP, in small; it remembers what it was asked."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from tests.servers import HOST

Answer = Callable[[Any], tuple[int, bytes]]


class Service:
    """A service over HTTP/1.1 on loopback; `answer` makes status and body of a question."""

    def __init__(self, answer: Answer) -> None:
        asked: list[tuple[str, Any]] = []
        connections: set[Any] = set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                connections.add(self.client_address)
                question = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked.append((self.path, question))
                status, body = answer(question)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.asked, self.connections = asked, connections
        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
