"""A real EchoTune server in a process of its own, for as long as a bench needs it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.cli.serving import free_port

HOST = "127.0.0.1"
READY_WITHIN_S = 300


@contextmanager
def serving(data_dir: Path) -> Iterator[tuple[str, float]]:
    """Start a server; its base URL and the seconds until it was ready; ended by its own pid."""
    start, port = time.perf_counter(), free_port(HOST)
    command = ["-P", "-m", "service", "serve", "--port", str(port)]
    with running(command, port, {"ECHOTUNE_DATA_DIR": str(data_dir)}):
        yield f"http://{HOST}:{port}", time.perf_counter() - start


@contextmanager
def running(
    command: Sequence[str], port: int, settings: Mapping[str, str], ready: str = "/health/ready"
) -> Iterator[int]:
    """Run Python with this command until `ready` answers; its pid, by which it is ended."""
    environment = os.environ | settings
    environment.pop("NUMBA_CACHE_DIR", None)  # the server keeps its own kernels
    server = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C on the bench is the bench's business
    )
    try:
        wait_until_ready(f"http://{HOST}:{port}{ready}", server)
        yield server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Poll until it answers 200.

    Raises:
        RuntimeError: the server ended, or was not ready in five minutes.
    """
    until = time.perf_counter() + READY_WITHIN_S
    while time.perf_counter() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode} before it was ready")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError(f"the server was not ready after {READY_WITHIN_S} s")
