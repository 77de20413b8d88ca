"""Room for so many lists that are made at once, and a short wait for whoever finds none.

Whoever is turned away at once gets a general list in 20 µs and, being a program, asks again: 32 of
them took the processor from the lists. So most of them wait for room, and whoever cannot even wait
is told after a pause. A crowd may also be over soon. Who came last goes in first: nobody has more
time left.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from service.api.concurrency_limit import Learned, Limit

FIRST = Limit(10.0, least=4.0, more=1.0)
"""Lists that are made or wait for their turn: at 4 ms each the last one waits for 40."""
LATE = 0.25
"""Of the deadline: when more than few take longer, fewer are let in. A list that comes too late
costs more than none: at three times what one process can make, 19 % of that came in time without
this limit. Clients see half as much again: on a slow day p95 was 56 to 63 ms with 0.4, 52 to 56
with 0.3 and 45 with 0.25."""
PATIENCE_S = 0.030
"""For 32 clients who may all wait, with 10, 20 and 30 ms: 139, 189 and 215 lists a second."""
MOST_WAITING = 16
"""Whoever comes then is told soon. At three times what can be made 391 lists a second come in
time and half of the others hear so within 5 ms; with 256 it was 258 and 39 ms, with 8 290 and 6."""
PAUSE_S = 0.008
"""For 32 clients, of whom some find no room to wait, with 0, 5, 7 and 10 ms: 155, 188, 214 and 250
lists a second, p95 57, 57, 50 and 43 ms. At three times what can be made half of the others hear so
after 15 ms with 8, and after 21 with 10."""


class Room:
    """Of one process; everything here happens on its event loop."""

    def __init__(
        self, *, timeout_s: float, limit: Limit = FIRST, clock: Callable[[], float] = monotonic
    ) -> None:
        self._learned, self._clock = Learned(limit, late_s=timeout_s * LATE, clock=clock), clock
        self._within = 0
        self._waiting: list[asyncio.Future[bool]] = []

    @property
    def limit(self) -> Limit:
        """Of lists that are made at once, as of now."""
        return self._learned.limit

    @property
    def full(self) -> bool:
        """Whether the next one has to wait."""
        return self._within >= self.limit.value

    async def enter(self) -> bool:
        """Whether there is room, now or soon; whoever gets in says when they `leave`."""
        if not self.full:
            self._within += 1
            return True
        if len(self._waiting) >= MOST_WAITING:
            await asyncio.sleep(PAUSE_S)
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(PATIENCE_S, self._give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self._step_out()  # the turn came just when its owner left
            raise
        finally:
            timer.cancel()
            if turn in self._waiting:
                self._waiting.remove(turn)

    def leave(self, start: float) -> None:
        """A list is made that was asked for at `start`, of `clock`."""
        self._learned.saw(start, self._within)
        self._step_out()

    def _step_out(self) -> None:
        self._within -= 1
        while self._waiting and not self.full:
            turn = self._waiting.pop()
            if not turn.done():
                self._within += 1
                turn.set_result(True)

    def _give_up(self, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            turn.set_result(False)
