"""Which request work is done for: the `X-Request-Id` of the client, or an id made here.

It travels in a context variable, like the deadline. Only whoever makes a list asks for it: an
answer that is kept is sent without looking.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from functools import cache
from itertools import count
from uuid import uuid4

HEADER = b"x-request-id"
KNOWN = re.compile(rb"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}")
SENT: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Needs no reset, for each request has a context of its own."""
_NUMBERS = count(1)


def note(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Remember the id of the request with these headers; one that is no id is passed over."""
    for name, value in headers:
        if name == HEADER:
            SENT.set(value.decode() if KNOWN.fullmatch(value) else None)
            return


def current() -> str:
    """The id the client sent, or one that no other request has."""
    return SENT.get() or f"{_process()}-{next(_NUMBERS)}"


@cache
def _process() -> str:
    """When it is first asked for, since a process may be forked from another."""
    return uuid4().hex[:12]
