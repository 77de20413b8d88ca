"""When the answer to the request at hand has to be ready; every step asks what is left.

The moment is absolute and monotonic and travels in a context variable, so that tasks begun for a
request have it too and nothing between the door and the store has to pass it on.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Any

from service import metrics
from service.errors import OutOfTime

RESERVE_S = 0.010
"""Kept back for going down the ladder and for writing the answer."""

TURNS = 4
"""Of the loop, from bytes that have arrived to a reply: read, parse, finish, wake up."""

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


async def done_within(task: "asyncio.Future[Any]", seconds: float) -> bool:
    """Whether `task` is done within so long, or what it waits for had come when the loop woke up.

    A loop that was held up must not be taken for a slow backend. `task` is left to go on.
    """
    await asyncio.wait({task}, timeout=seconds)
    for _ in range(TURNS):
        if task.done():
            break
        await asyncio.sleep(0)
    return task.done()


def count_late(until: float | None = None) -> None:
    """Work begins; it is counted when that is after the deadline, which `need` prevents.

    `until` where the deadline of the request does not reach by itself: in a thread.
    """
    if (UNTIL.get() if until is None else until) < monotonic():
        metrics.LATE_WORK.inc()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what is done here so long."""
    token = UNTIL.set(monotonic() + seconds)
    try:
        yield
    finally:
        UNTIL.reset(token)
