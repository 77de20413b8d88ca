"""Where the keys of an issuer are read: an address, or a file that somebody keeps up to date."""

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from time import monotonic
from urllib.parse import SplitResult, urlsplit

from service.errors import Invalid
from service.settings import LOOPBACK

READ_S = 2.0
MOST_BYTES = 256 << 10
CHUNK = 16 << 10
UNREAD = (OSError, HTTPException, ValueError)
"""What reading and understanding raise; a timeout is an OSError."""


def reader(where: str) -> Callable[[], bytes]:
    """What reads them, blocking, within two seconds.

    Raises:
        Invalid: whoever sits between could put in keys of their own, or it is no address.
    """
    parts = urlsplit(where)
    if parts.scheme not in ("http", "https"):
        return lambda: _read(Path(where))
    if not parts.hostname or parts.username or parts.fragment:
        raise Invalid("ECHOTUNE_JWT_KEYS: the address has no host, or more than host and path")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Invalid(
            "ECHOTUNE_JWT_KEYS: http:// is for this machine alone: use https://, or a file"
        )
    return lambda: _fetch(parts)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(MOST_BYTES + 1))


def _fetch(parts: SplitResult) -> bytes:
    """The body of a 200, whole and in time; a redirect is none, for it could lead anywhere."""
    until = monotonic() + READ_S
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=READ_S)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "application/json"})
        with connection.getresponse() as response:  # it may have taken the connection over
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            return _body(response, until)
    finally:
        connection.close()


def _body(response: HTTPResponse, until: float) -> bytes:
    body = b""
    while len(body) <= MOST_BYTES and (chunk := response.read1(CHUNK)):
        body += chunk
        if monotonic() > until:
            raise TimeoutError("it comes too slowly")
    if response.length and len(body) <= MOST_BYTES:
        raise ValueError("it ends too early")
    return _bounded(body)


def _bounded(body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    return body
