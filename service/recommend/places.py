"""How many lists are made at once: few, so that those that are begun end in time.

A processor makes lists one after the other, however many are begun: with sixteen begun at once each
takes sixteen times as long, the store seems slow, and nobody gets theirs. So they take turns.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from service import deadline
from service.cache.flights import while_wanted

Result = TypeVar("Result")

MOST = 2
"""One computes while another reads the store. For 16 clients in 8 s: 1,645 lists without a limit,
6.2 ms of CPU each and the rest fallbacks; 3,014 lists with two places, 3.1 ms each."""


class Places:
    """A few places to work at, given in the order of asking."""

    def __init__(self, most: int = MOST) -> None:
        self._free = asyncio.Semaphore(most)

    async def work(self, work: Callable[[], Awaitable[Result]], *, least_s: float) -> Result:
        """Do `work`, which takes at least so long, when its turn comes.

        Raises:
            OutOfTime: the turn comes too late for the request at hand, or whoever asked has left.
        """
        with while_wanted():
            await self._free.acquire()
        try:
            deadline.need(least_s)
            deadline.count_late()
            return await work()
        finally:
            self._free.release()
