"""The real server as a child process: started, asked, killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from msgspec import to_builtins

from tests import worlds
from tests.servers import HOST, children, free_port, valkey

ROOT = Path(__file__).parents[2]
READY_S = 60.0
STOP_S = 10.0
PATIENT = {
    "ECHOTUNE_REQUEST_TIMEOUT_MS": "20000",
    "ECHOTUNE_STORE_TIMEOUT_MS": "10000",
    "ECHOTUNE_PROBE_EVERY_S": "0",
}
"""A busy test machine is no fault; whoever tests overload says otherwise. Listens are counted."""


class Service:
    """`echotune serve` on a data folder and a port that both survive it."""

    command: tuple[str, ...] = ("-P", "-m", "service")

    def __init__(self, data: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.data, self.port = data, free_port()
        self._options, self._env = options, {**PATIENT, **(env or {})}
        self._log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the service is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Return once it is ready."""
        self.begin()
        try:
            self.wait_ready()
        except AssertionError:
            self.stop()  # whoever cannot start it will not stop it
            raise

    def begin(self) -> None:
        """Return at once."""
        env = {
            name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
        }
        command = (sys.executable, *self.command, "serve", "--no-demo")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--host", HOST, "--port", str(self.port), *self._options],
                cwd=ROOT,
                env=env | self._env | {"ECHOTUNE_DATA_DIR": str(self.data)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that its worker can be killed with it
            )

    def wait_ready(self) -> None:
        """Return once it answers; fail when it ends or takes too long."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the service did not become ready:\n{self.log[-2000:]}")

    def workers(self) -> list[int]:
        """The processes that answer requests."""
        return children(self.pid)

    def ended(self) -> int | None:
        """The exit code, once it has ended by itself."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """Kill -9 of the server and its worker at once, as a machine would."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if that is not enough; may be called twice."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def put(self, path: str, json: Any) -> httpx.Response:
        return httpx.put(self.url + path, json=json, timeout=10)

    def post(self, path: str, json: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=json, timeout=10)

    def get(self, path: str, **query: Any) -> Any:
        answer = httpx.get(self.url + path, params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


Kind = TypeVar("Kind", bound=Service)


def sharing(url: str) -> dict[str, str]:
    """Settings of processes that share this Redis, with time for a busy test machine."""
    return {
        "ECHOTUNE_REDIS_URL": url,
        "ECHOTUNE_EVENTS_REDIS_URL": url,
        "ECHOTUNE_REDIS_TIMEOUT_MS": "500",
        "ECHOTUNE_STRATEGY_TIMEOUT_MS": "5000",
    }


@contextmanager
def two_workers(
    data: Path, folder: Path, kind: type[Kind], env: Mapping[str, str] | None = None
) -> Iterator[Kind]:
    """A server with two workers and their Redis in `folder`, which is made."""
    folder.mkdir()
    with (
        valkey(folder) as redis,
        kind(data, "--workers", "2", env=sharing(redis.url) | dict(env or {})) as running,
    ):
        yield running


def shed(answer: httpx.Response) -> bool:
    """Whether it was refused because this machine is busy: deliberate, and worth asking again."""
    return answer.status_code == 503 and "/problems/overloaded" in answer.text


def fill(service: Service) -> None:
    """Put the small world in."""
    assert 200 == service.put("/v1/tracks", to_builtins(worlds.tracks())).status_code
    assert 202 == service.post("/v1/listens", to_builtins(worlds.listens())).status_code
