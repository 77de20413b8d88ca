"""Another process that answers questions over HTTP: asked in time, or spared when it is down.

From any thread. A connection is kept for the next question. Whoever does not answer in time, or
answers nonsense, has failed; after five failures a breaker spares callers the wait.
"""

from collections import deque
from collections.abc import Callable
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from threading import Lock
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import structlog

from service.breaker import Breaker
from service.errors import Invalid, PeerUnavailable
from service.spans import carried

log = structlog.get_logger()

Reply = TypeVar("Reply")

MOST_BYTES = 4 << 20
CHUNK = 64 << 10
JSON = {"Content-Type": "application/json"}
BROKEN = (OSError, HTTPException)


class Peer:
    """One address of another process; `name` is what its breaker and its log lines are called."""

    def __init__(
        self, name: str, url: str, path: str, *, timeout_s: float, key: str | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise Invalid(f"the service {name} has no http:// or https:// address")
        self._name, self._timeout_s = name, timeout_s
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}{path}"
        self._headers = {**JSON, **({"X-API-Key": key} if key else {})}
        self.idle: deque[HTTPConnection] = deque()
        self._breaker, self._lock = Breaker(name, monotonic), Lock()

    def ask(self, question: bytes, read: Callable[[bytes], Reply]) -> Reply:
        """What `read` makes of the answer; it raises Invalid at nonsense.

        Raises:
            PeerUnavailable: no answer in time, or none that can be understood.
        """
        with self._lock:
            allowed = self._breaker.allows()
        if not allowed:
            raise PeerUnavailable(f"{self._name} has not answered lately")
        try:
            reply = read(self._said(question))
        except (*BROKEN, msgspec.MsgspecError, ValueError, Invalid) as error:
            with self._lock:
                self._breaker.failed()
            reason = f"{type(error).__name__}: {error}"
            log.warning("a service that is asked fails", service=self._name, reason=reason)
            raise PeerUnavailable(f"{self._name} gave no answer") from error
        with self._lock:
            self._breaker.succeeded()
        return reply

    def _said(self, question: bytes) -> bytes:
        until = monotonic() + self._timeout_s
        while self.idle:
            try:
                kept = self.idle.popleft()
            except IndexError:  # another thread was quicker
                break
            try:
                return self._ask(kept, question, until)
            except ConnectionError:  # closed by the other side while nobody asked
                continue
        make = HTTPSConnection if self._secure else HTTPConnection
        return self._ask(make(self._host, self._port), question, until)

    def _ask(self, connection: HTTPConnection, question: bytes, until: float) -> bytes:
        """The body of a 200; the connection is kept if it is good for another question."""
        try:
            connection.timeout = _left(until)
            if connection.sock is not None:
                connection.sock.settimeout(connection.timeout)
            connection.request("POST", self._path, question, self._headers | carried())
            response = connection.getresponse()
            body = _body(response, connection, until)
        except BaseException:
            connection.close()
            raise
        if not response.will_close:
            self.idle.append(connection)
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        return body

    def close(self) -> None:
        """Let go of the connections nobody uses."""
        while self.idle:
            self.idle.popleft().close()


def _body(response: HTTPResponse, connection: HTTPConnection, until: float) -> bytes:
    """All of it, in time even when it comes drop by drop."""
    body = bytearray()
    while chunk := response.read1(CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        if connection.sock is not None:
            connection.sock.settimeout(_left(until))
    if response.length:
        raise IncompleteRead(bytes(body), response.length)
    response.close()  # or its connection counts as busy
    return bytes(body)


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left
