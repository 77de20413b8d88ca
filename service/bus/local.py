"""Facts and who hears them, inside one process, and the way out to all the others.

Delivery here is in order and awaited: `publish` returns when every subscriber has run, so an answer
that follows a publish already sees its effect. A subscriber that raises is logged and the rest
still run: a fact is past tense, nobody can veto it. What was stored is safe either way: the store
is the log.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from service.bus.facts import Event, Fact
from service.bus.protocol import Stream

log = structlog.get_logger()

Subscriber = Callable[[Any], Awaitable[None]]


class Bus:
    """Subscribers by fact type, called in the order they subscribed.

    `stream` carries events to every process; None: this one has nobody to tell.
    """

    def __init__(self, stream: Stream | None = None) -> None:
        self._stream = stream
        self._subscribers: dict[type[Fact], list[Subscriber]] = defaultdict(list)

    def subscribe(self, fact: type[Fact], subscriber: Subscriber) -> None:
        """Call `subscriber` with every `fact` published from now on."""
        self._subscribers[fact].append(subscriber)

    async def publish(self, fact: Fact) -> None:
        """Tell every subscriber of this process, one after the other."""
        for subscriber in self._subscribers[type(fact)]:
            try:
                await subscriber(fact)
            except Exception:
                log.exception("subscriber failed", fact=type(fact).__name__)

    async def send(self, *events: Event) -> None:
        """Put events on the stream; durable when it returns.

        Raises:
            BusUnavailable, Overloaded: some may not be; sending them again does no harm.
        """
        if self._stream is not None:
            await self._stream.publish(events)

    async def tell(self, event: Event) -> None:
        """Tell this process, which always hears it, and then everybody.

        Raises:
            BusUnavailable, Overloaded
        """
        await self.publish(event)
        await self.send(event)
