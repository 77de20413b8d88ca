"""Single flight: work that several want at once is done once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from service import metrics
from service.errors import OutOfTime

Result = TypeVar("Result")


class Flight(Generic[Result]):
    """One piece of work, and how many wait for it."""

    task: asyncio.Task[Result]

    def __init__(self) -> None:
        self.joined, self.waiting, self.may_end = False, 0, False

    @property
    def unwanted(self) -> bool:
        """Whether all who asked for it have left; what nobody asked for is not meant for any."""
        return self.joined and self.waiting == 0


FLIGHT: ContextVar[Flight[Any] | None] = ContextVar("flight", default=None)


@contextmanager
def while_wanted() -> Iterator[None]:
    """What is done in here ends when the last of those who wait for the flight at hand leaves.

    For waiting, not for work: whatever is begun goes on for the next who asks.

    Raises:
        OutOfTime: they have left already.
    """
    flight = FLIGHT.get()
    if flight is None:
        yield
        return
    if flight.unwanted:
        metrics.ABANDONED.inc()
        raise OutOfTime("whoever asked has left")
    flight.may_end = True
    try:
        yield
    finally:
        flight.may_end = False


class Flights(Generic[Result]):
    """What is being worked on, by key. Whoever waits may be cancelled; the work goes on."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight[Result]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of the work under `key`, which is begun unless it is under way."""
        flight = self._begin(key, work)
        flight.joined = True
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.unwanted and flight.may_end:
                self._abandon(key, flight)

    def begin(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Awaitable[Result]:
        """Begin the work under `key` unless it is under way; nobody has to wait for it."""
        return self._begin(key, work).task

    async def close(self) -> None:
        """Cancel what is under way."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Flight[Result]:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = Flight()
            flight.task = asyncio.create_task(_fly(flight, work))
            flight.task.add_done_callback(lambda done: self._land(key, flight, done))
        return flight

    def _abandon(self, key: Hashable, flight: Flight[Result]) -> None:
        """Whoever comes now begins anew, for this one only ends."""
        metrics.ABANDONED.inc()
        flight.task.cancel()
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _land(self, key: Hashable, flight: Flight[Result], done: asyncio.Task[Result]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        del flight.task  # whose context has the flight: a circle, and the answer is part of it
        if not done.cancelled():
            done.exception()  # seen: whoever waits gets it, and if nobody does it is no leak


async def _fly(flight: Flight[Result], work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    FLIGHT.set(flight)
    return await work()
