"""Work that waits for a disk is done together: whatever comes meanwhile is the next group."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from service.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Groups of at most `most`, by the sizes they come with; one larger than that goes alone."""

    def __init__(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, most: int
    ) -> None:
        self._work, self._most = work, most
        self._waiting: deque[tuple[Item, int, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def join(self, item: Item, size: int) -> Result:
        """What became of this item. Whoever gives up waiting takes nobody else along."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, size, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            await self._do(self._next())

    def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        item, size, done = self._waiting.popleft()
        group = [(item, done)]
        while self._waiting and size + self._waiting[0][1] <= self._most:
            item, more, done = self._waiting.popleft()
            size += more
            group.append((item, done))
        return group

    async def _do(self, group: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
            if len(group) > 1 and not isinstance(error, Unavailable):
                for one in group:  # one of them spoils it: the others shall not suffer for that
                    await self._do([one])
                return
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            for (_, done), result in zip(group, results, strict=True):
                if not done.done():
                    done.set_result(result)
