"""A strategy that is a service of its own, asked over HTTP; for a list it is like any other.

It may be another EchoTune (`POST /v1/strategies/{name}`) or anything that answers the same way. It
is told who asks and in which context, and names the tracks it has something to say about. Whoever
does not answer in time, or answers nonsense, fails alone.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from service.domain import NO_CONTEXT, Context, Part, Strategy
from service.errors import Invalid
from service.model.catalogue import Catalogue
from service.model.current import View
from service.peer import Peer
from service.recommend.ask import Ask, Listener
from service.recommend.parts import Array, Parts
from service.recommend.taste import LARGEST, Likes, parts_of, taste_from

NAMED = 500
"""Tracks that a service names for each part; a list takes 100 at most, and some are excluded."""
MOST_NAMED = 10_000
PARTS_OF: Mapping[Strategy, frozenset[Part]] = {
    "collaborative": frozenset(("collaborative", "spectral", "factors", "online")),
    "content": frozenset(("artist", "genre", "audio")),
    "context": frozenset(("context",)),
    "trending": frozenset(("trending",)),
}


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
    """Parts by name; without any the strategy has nothing to say.

    Content may be said as likes instead, which are a hundredth of the bytes and lose nothing.
    """

    parts: dict[Part, Said] = {}
    likes: Likes | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StrategyReply).decode


class Remote:
    """Asks one service, from any thread."""

    def __init__(
        self, name: Strategy, url: str, *, timeout_s: float, key: str | None = None
    ) -> None:
        self._known = PARTS_OF[name]
        path = f"/v1/strategies/{name}"
        self._peer = Peer(f"strategy-{name}", url, path, timeout_s=timeout_s, key=key)

    def __call__(self, view: View, listener: Listener, ask: Ask) -> Parts:
        """The parts of this strategy.

        Raises:
            PeerUnavailable: no answer in time, or none that can be understood.
        """
        question = _encode(StrategyQuestion(listener.user.id, ask.context))
        return self._peer.ask(
            question, lambda body: _parts(_decode(body), self._known, view.catalogue)
        )

    def close(self) -> None:
        """Let go of the connections nobody uses."""
        self._peer.close()


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


def _parts(reply: StrategyReply, known: frozenset[Part], catalogue: Catalogue) -> Parts:
    likes = {} if reply.likes is None else parts_of(taste_from(reply.likes, catalogue), catalogue)
    if not reply.parts.keys() | likes.keys() <= known:
        raise Invalid(f"parts beyond {', '.join(sorted(known))}")
    return likes | {name: _scores(said, catalogue) for name, said in reply.parts.items()}


def _scores(said: Said, catalogue: Catalogue) -> Array:
    """float32 (n,); tracks that are not in this catalogue are passed over."""
    if len(said.track_ids) != len(said.scores):
        raise Invalid(f"{len(said.track_ids)} tracks and {len(said.scores)} scores")
    rest = np.nan if said.rest is None else said.rest
    if any(abs(score) > LARGEST for score in (*said.scores, said.rest or 0.0)):
        raise Invalid(f"a score beyond {LARGEST:,.0f}")
    scores = np.full(catalogue.size, rest, np.float32)
    for track_id, score in zip(said.track_ids, said.scores, strict=True):
        if (row := catalogue.row(track_id)) is not None:
            scores[row] = score
    return scores
