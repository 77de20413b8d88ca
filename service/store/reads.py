"""What a list needs from the store, read in bounded time by a bounded number of readers.

A store that hangs costs a request 35 ms, then a breaker opens and costs nothing; whatever it holds
on to is at most 16 reads of this process. Nothing is read twice: the caller has a ladder.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NoReturn

from service import deadline, metrics
from service.breaker import Breaker
from service.domain import Listen, User
from service.errors import StoreUnavailable
from service.store.protocol import Store

BUDGET_S = 0.035
MOST_AT_STORE = 16
"""Reads that the store has not answered; SQLite has as many threads."""
LEAST_S = 0.002
"""What a read takes when all is well; with less time than that it is not begun."""

Known = tuple[User, list[Listen]]


class Reads:
    """The bulkhead and the breaker in front of the store, on the way of a miss."""

    def __init__(
        self,
        store: Store,
        *,
        budget_s: float = BUDGET_S,
        most: int = MOST_AT_STORE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._budget_s = store, budget_s
        self._room = asyncio.Semaphore(most)
        self._breaker = Breaker("store", clock)
        self._under_way: set[asyncio.Task[Known | None]] = set()

    @property
    def under_way(self) -> int:
        """Reads the store has not answered, waited for or not."""
        return len(self._under_way)

    async def listener(self, user_id: str, listens: int) -> Known | None:
        """A user and their newest listens; None when the store knows no such user.

        The user is read first, so listens may be newer than the rev, never older.

        Raises:
            StoreUnavailable: it does not answer in time, or experience says that it will not.
            OutOfTime: the request has no time left to ask.
        """
        deadline.need(LEAST_S)
        if not self._breaker.allows():
            _refuse("skipped")
        until = time.monotonic() + min(self._budget_s, deadline.left())
        try:
            async with asyncio.timeout(until - time.monotonic()):
                await self._room.acquire()
        except TimeoutError as error:
            self._breaker.failed()
            _refuse("full", error)
        try:
            deadline.need(LEAST_S)
        except BaseException:
            self._room.release()
            raise
        return await self._answered(self._begin(user_id, listens), until)

    def _begin(self, user_id: str, listens: int) -> "asyncio.Task[Known | None]":
        deadline.count_late()
        task = asyncio.create_task(self._read(user_id, listens))
        self._under_way.add(task)
        task.add_done_callback(self._landed)
        return task

    async def _read(self, user_id: str, listens: int) -> Known | None:
        return await self._store.known(user_id, listens)

    async def _answered(self, task: "asyncio.Task[Known | None]", until: float) -> Known | None:
        if not await deadline.done_within(task, max(until - time.monotonic(), 0)):
            self._breaker.failed()
            _refuse("late")
        try:
            found = task.result()
        except StoreUnavailable:
            self._breaker.failed()
            metrics.STORE_FAILURES.labels("failed").inc()
            raise
        self._breaker.succeeded()
        return found

    def _landed(self, task: "asyncio.Task[Known | None]") -> None:
        self._under_way.discard(task)
        self._room.release()
        if not task.cancelled():
            task.exception()  # seen: whoever asked has been told, or has left

    async def close(self) -> None:
        """Stop waiting for what the store still has."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _refuse(reason: str, cause: BaseException | None = None) -> NoReturn:
    metrics.STORE_FAILURES.labels(reason).inc()
    raise StoreUnavailable("the store did not answer in time") from cause
