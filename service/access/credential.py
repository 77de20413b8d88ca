"""What a request says of who calls, as it stands in its headers."""

import re

LONGEST = 8_192
"""Of a key or a token: what is longer is not even looked at."""
MOST_BEFORE = 8
BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] ([!-~]+)")

NOTHING = "this opens nothing: it is no key, or one that is revoked or over"

Header = bytes | tuple[bytes]
"""The value of Authorization, or that of X-API-Key as a tuple, so that neither is the other's."""


def too_long(value: bytes) -> bool:
    """Whether a header holds more than any key or token has."""
    return len(value) > LONGEST + MOST_BEFORE


def credential_in(header: Header) -> str | None:
    """The key or token in it; None: there is none."""
    if isinstance(header, tuple):
        raw = header[0]
    elif (parts := BEARER.fullmatch(header)) is not None:
        raw = parts[1]
    else:
        return None
    return raw.decode("ascii") if raw.isascii() else None
