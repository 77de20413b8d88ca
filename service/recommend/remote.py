"""A strategy that is a service of its own, asked over HTTP; for a list it is like any other.

It may be another EchoTune (`POST /v1/strategies/{name}`) or anything that answers the same way. It
is told who asks and in which context, and names the tracks it has something to say about. Whoever
does not answer in time, or answers nonsense, fails alone; after five failures a breaker spares
lists the wait.
"""

from collections import deque
from collections.abc import Mapping
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from threading import Lock
from time import monotonic
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import numpy as np
import structlog
from msgspec import Meta, Struct

from service.breaker import Breaker
from service.domain import NO_CONTEXT, Context, Part, Strategy
from service.errors import Invalid, StrategyUnavailable
from service.model.catalogue import Catalogue
from service.model.current import View
from service.recommend.ask import Ask, Listener
from service.recommend.parts import Array, Parts

log = structlog.get_logger()

NAMED = 500
"""Tracks that a service names for each part; a list takes 100 at most, and some are excluded."""
MOST_NAMED = 10_000
MOST_BYTES = 4 << 20
CHUNK = 64 << 10
PARTS_OF: Mapping[Strategy, frozenset[Part]] = {
    "collaborative": frozenset(("collaborative", "spectral", "factors", "online")),
    "content": frozenset(("artist", "genre", "audio")),
    "context": frozenset(("context",)),
    "trending": frozenset(("trending",)),
}
LARGEST = 1e6
"""Of a score, either way: beyond it a sum of float32 is not what it seems."""
JSON = {"Content-Type": "application/json"}
BROKEN = (OSError, HTTPException)


class StrategyQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, and when; empty for the list of all whom nobody knows."""

    user_id: Annotated[str, Meta(max_length=64)] = ""
    context: Context = NO_CONTEXT
    limit: Annotated[int, Meta(ge=1, le=MOST_NAMED)] = NAMED


class Said(Struct, frozen=True):
    """What one part says: scores of the tracks it names, and of all others."""

    track_ids: list[str]
    scores: list[float]
    rest: float | None = None  # None: nothing to say about the others


class StrategyReply(Struct, frozen=True):
    """Parts by name; without any the strategy has nothing to say."""

    parts: dict[Part, Said]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StrategyReply).decode


class Remote:
    """Asks one service, from any thread; a connection is kept for the next question."""

    def __init__(
        self, name: Strategy, url: str, *, timeout_s: float, key: str | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise Invalid(f"the service of strategy {name} has no http:// or https:// address")
        self._name, self._timeout_s = name, timeout_s
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/v1/strategies/{name}"
        self._headers = {**JSON, **({"X-API-Key": key} if key else {})}
        self._idle: deque[HTTPConnection] = deque()
        self._breaker, self._lock = Breaker(f"strategy-{name}", monotonic), Lock()

    def __call__(self, view: View, listener: Listener, ask: Ask) -> Parts:
        """The parts of this strategy.

        Raises:
            StrategyUnavailable: no answer in time, or none that can be understood.
        """
        with self._lock:
            allowed = self._breaker.allows()
        if not allowed:
            raise StrategyUnavailable(f"{self._name} has not answered lately")
        question = _encode(StrategyQuestion(listener.user.id, ask.context))
        try:
            parts = _parts(self._said(question), PARTS_OF[self._name], view.catalogue)
        except (*BROKEN, msgspec.MsgspecError, ValueError) as error:
            with self._lock:
                self._breaker.failed()
            reason = f"{type(error).__name__}: {error}"
            log.warning("the service of a strategy fails", strategy=self._name, reason=reason)
            raise StrategyUnavailable(f"{self._name} gave no answer") from error
        with self._lock:
            self._breaker.succeeded()
        return parts

    def _said(self, question: bytes) -> StrategyReply:
        until = monotonic() + self._timeout_s
        while self._idle:
            try:
                kept = self._idle.popleft()
            except IndexError:  # another thread was quicker
                break
            try:
                return _decode(self._ask(kept, question, until))
            except ConnectionError:  # closed by the other side while nobody asked
                continue
        make = HTTPSConnection if self._secure else HTTPConnection
        return _decode(self._ask(make(self._host, self._port), question, until))

    def _ask(self, connection: HTTPConnection, question: bytes, until: float) -> bytes:
        """The body of a 200; the connection is kept if it is good for another question."""
        try:
            connection.timeout = _left(until)
            if connection.sock is not None:
                connection.sock.settimeout(connection.timeout)
            connection.request("POST", self._path, question, self._headers)
            response = connection.getresponse()
            body = _body(response, connection, until)
        except BaseException:
            connection.close()
            raise
        if not response.will_close:
            self._idle.append(connection)
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        return body

    def close(self) -> None:
        """Let go of the connections nobody uses."""
        while self._idle:
            self._idle.popleft().close()


def services(
    text: str | None, *, timeout_s: float, key: str | None = None
) -> dict[Strategy, Remote]:
    """The strategies that are services: `content=http://content:8000,context=...`.

    Raises:
        Invalid: no such strategy, or no address.
    """
    found: dict[Strategy, Remote] = {}
    for entry in text.split(",") if text else ():
        word, _, url = entry.strip().partition("=")
        name = next((one for one in PARTS_OF if one == word), None)
        if name is None:
            raise Invalid(
                f"ECHOTUNE_STRATEGY_SERVICES: {word!r} is no strategy ({', '.join(PARTS_OF)})"
            )
        found[name] = Remote(name, url, timeout_s=timeout_s, key=key)
    return found


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


def _parts(reply: StrategyReply, known: frozenset[Part], catalogue: Catalogue) -> Parts:
    if not reply.parts.keys() <= known:
        raise ValueError(f"parts beyond {', '.join(sorted(known))}")
    return {name: _scores(said, catalogue) for name, said in reply.parts.items()}


def _scores(said: Said, catalogue: Catalogue) -> Array:
    """float32 (n,); tracks that are not in this catalogue are passed over."""
    if len(said.track_ids) != len(said.scores):
        raise ValueError(f"{len(said.track_ids)} tracks and {len(said.scores)} scores")
    rest = np.nan if said.rest is None else said.rest
    if any(abs(score) > LARGEST for score in (*said.scores, said.rest or 0.0)):
        raise ValueError(f"a score beyond {LARGEST:,.0f}")
    scores = np.full(catalogue.size, rest, np.float32)
    for track_id, score in zip(said.track_ids, said.scores, strict=True):
        if (row := catalogue.row(track_id)) is not None:
            scores[row] = score
    return scores
