"""Events as bytes: JSON, so that an operator can read a stream with redis-cli."""

import msgspec

from service.bus.facts import Event

_ENCODE = msgspec.json.Encoder().encode
_DECODER = msgspec.json.Decoder(Event)


def to_bytes(event: Event) -> bytes:
    """The event as it travels."""
    return _ENCODE(event)


def from_bytes(body: bytes) -> Event | None:
    """The event these bytes say; None when they say none, as those of a newer release may."""
    try:
        event: Event = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return event
