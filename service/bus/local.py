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

from service.bus.facts import Fact

log = structlog.get_logger()

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
