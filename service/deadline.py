"""When the answer to the request at hand has to be ready; every step asks what is left.

The moment is absolute and monotonic and travels in a context variable, so that tasks begun for a
request have it too and nothing between the door and the store has to pass it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

from service import metrics
from service.errors import OutOfTime

RESERVE_S = 0.010
"""Kept back for going down the ladder and for writing the answer."""

UNTIL: ContextVar[float] = ContextVar("until", default=inf)
"""Monotonic seconds; needs no reset, for each request has a context of its own."""


def left() -> float:
    """Seconds that work may still take; infinite without a deadline, below 0 after it."""
    return UNTIL.get() - RESERVE_S - monotonic()


def need(step_s: float) -> None:
    """Say that a step comes next.

    Raises:
        OutOfTime: less than `step_s` is left, so that the step would be for nobody.
    """
    if left() < step_s:
        raise OutOfTime("the deadline of the request leaves no time for it")


def count_late() -> None:
    """Work begins; it is counted when that is after the deadline, which `need` prevents."""
    if UNTIL.get() < monotonic():
        metrics.LATE_WORK.inc()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what is done here so long."""
    token = UNTIL.set(monotonic() + seconds)
    try:
        yield
    finally:
        UNTIL.reset(token)
