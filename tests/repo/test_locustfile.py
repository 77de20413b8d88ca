"""`locustfile.py` fails the run that was too slow, and no other."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = b'{"recommendations":[{"track":{"id":"t1"}}]}'


@contextmanager
def server(delay_s: float, status: int) -> Iterator[str]:
    """Answers everything alike, so late and with this status."""

    class Alike(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            time.sleep(delay_s)
            self.send_response(status)
            self.send_header("content-length", str(len(LIST)))
            self.end_headers()
            self.wfile.write(LIST)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Alike) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.mark.parametrize("delay_s, status, code", [(0.0, 200, 0), (0.15, 200, 1), (0.0, 500, 1)])
def test_the_run_fails_when_it_was_slow_or_failed(delay_s: float, status: int, code: int) -> None:
    with server(delay_s, status) as url:
        command = ["-m", "locust", "--headless", "--users", "5", "--spawn-rate", "50"]
        run = subprocess.run(
            [sys.executable, *command, "--run-time", "2s", "--host", url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert code == run.returncode, run.stderr[-2000:]
    assert "p95" in run.stderr
