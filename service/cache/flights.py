"""Single flight: work that several want at once is done once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Flights(Generic[Result]):
    """What is being worked on, by key. Whoever waits may be cancelled; the work goes on."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[Result]] = {}

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """The result of the work under `key`, which is begun unless it is under way."""
        return await asyncio.shield(self.begin(key, work))

    def begin(
        self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Awaitable[Result]:
        """Begin the work under `key` unless it is under way; nobody has to wait for it."""
        task = self._flights.get(key)
        if task is None:
            task = self._flights[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._land(key, done))
        return task

    async def close(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._flights.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _land(self, key: Hashable, done: asyncio.Task[Result]) -> None:
        del self._flights[key]
        if not done.cancelled():
            done.exception()  # seen: whoever waits gets it, and if nobody does it is no leak
