"""An event nobody can learn from is set aside with its reason; the others are learned from."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from msgspec import structs

from service.bus import Entry, Stream
from service.errors import Unavailable

log = structlog.get_logger()

Hear = Callable[[Sequence[Entry]], Awaitable[int]]


async def heard(hear: Hear, entries: Sequence[Entry], stream: Stream, reader: str) -> int:
    """Hear them all, one by one if it does not go together; how many listens that were.

    Raises:
        Unavailable: nothing is wrong with the events; the same again will do.
    """
    try:
        return await hear(entries)
    except Unavailable:
        raise
    except Exception as error:
        if len(entries) > 1:
            return sum([await heard(hear, [entry], stream, reader) for entry in entries])
        log.exception("event set aside", place=entries[0].place)
        await stream.bury(reader, entries[0], type(error).__name__)
        return await hear([structs.replace(entries[0], fact=None)])  # past it
