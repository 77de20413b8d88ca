"""Facts and who hears them, inside one process.

Delivery is in order and awaited: `publish` returns when every subscriber has run, so an answer that
follows a publish already sees its effect. A subscriber that raises is logged and the rest still
run: a fact is past tense, nobody can veto it. What was stored is safe either way: the store is the
log.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from msgspec import Struct

from service.domain import Listen, Track

log = structlog.get_logger()


class ListenStored(Struct, frozen=True):
    """These listens are durable and were not known before."""

    listens: list[Listen]


class UserUpdated(Struct, frozen=True):
    """Whatever was built for this user from an older `rev` is stale; None: the user was erased."""

    user_id: str
    rev: int | None


class TrackChanged(Struct, frozen=True):
    """These tracks are new or different, in row order for the new ones."""

    tracks: list[Track]


class ModelPublished(Struct, frozen=True):
    """This version serves from now on."""

    version: str


Fact = ListenStored | UserUpdated | TrackChanged | ModelPublished
Subscriber = Callable[[Any], Awaitable[None]]


class Bus:
    """Subscribers by fact type, called in the order they subscribed."""

    def __init__(self) -> None:
        self._subscribers: dict[type[Fact], list[Subscriber]] = defaultdict(list)

    def subscribe(self, fact: type[Fact], subscriber: Subscriber) -> None:
        """Call `subscriber` with every `fact` published from now on."""
        self._subscribers[fact].append(subscriber)

    async def publish(self, fact: Fact) -> None:
        """Tell every subscriber, one after the other."""
        for subscriber in self._subscribers[type(fact)]:
            try:
                await subscriber(fact)
            except Exception:
                log.exception("subscriber failed", fact=type(fact).__name__)
