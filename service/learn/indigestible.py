"""An event nobody can learn from is set aside with its reason; the others are learned from."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from msgspec import structs

from service import metrics, spans
from service.bus import Entry, Stream
from service.errors import Unavailable

log = structlog.get_logger()

Hear = Callable[[Sequence[Entry]], Awaitable[int]]


async def learned_from(hear: Hear, entries: Sequence[Entry], stream: Stream, reader: str) -> int:
    """Hear them, as part of the traces that they came from; see `heard`."""
    with spans.following("learn", (entry.mark for entry in entries), events=len(entries)):
        return await heard(hear, entries, stream, reader)


async def heard(hear: Hear, entries: Sequence[Entry], stream: Stream, reader: str) -> int:
    """Hear them all, one by one if it does not go together; how many listens that were.

    Raises:
        Unavailable: nothing is wrong with the events; the same again will do.
    """
    try:
        listens = await hear(entries)
    except Unavailable:
        raise
    except Exception as error:
        if len(entries) > 1:
            metrics.EVENTS.labels(reader, "retried").inc(len(entries))
            return sum([await heard(hear, [entry], stream, reader) for entry in entries])
        log.exception("event set aside", place=entries[0].place)
        metrics.EVENTS.labels(reader, "dead").inc()
        await stream.bury(reader, entries[0], type(error).__name__)
        return await hear([structs.replace(entries[0], fact=None)])  # past it
    metrics.EVENTS.labels(reader, "done").inc(len(entries))
    return listens
