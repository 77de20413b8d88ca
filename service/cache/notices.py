"""Tells the shared level what users' revs are now, until it has heard."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from service import metrics
from service.cache.protocol import ERASED, SharedUnavailable

PATIENCE_S = 0.1
"""How long a write waits for its notice; it is durable already, and is acknowledged anyway."""
PAUSE_S = 0.2
MOST_OWED = 200_000
TOGETHER = 256
MOST_REVS = 16
"""Told of one user at once. Each is told, not only the newest: one that nobody hears of is a gap in
the numbers, which makes every other process read all of the store again (`Revs.heard_all`)."""


class Owed(Struct, frozen=True):
    """What has to be told of one user: an erasure first, then revs."""

    erased: bool = False
    revs: tuple[int, ...] = ()  # ascending

    def and_then(self, rev: int) -> "Owed":
        """This, and then `rev`. What was before an erasure is not worth telling any more."""
        if rev == ERASED:
            return Owed(erased=True)
        return Owed(self.erased, tuple(sorted({*self.revs, rev}))[-MOST_REVS:])

    def of(self, user_id: str) -> list[tuple[str, int]]:
        """The notices, in order."""
        return [(user_id, rev) for rev in ((ERASED,) if self.erased else ()) + self.revs]


NOTHING = Owed()


class Notices:
    """Notices of one turn travel together; those that failed are sent again until they arrive."""

    def __init__(
        self,
        note: Callable[[Sequence[tuple[str, int]]], Awaitable[None]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._note, self._sleep = note, sleep
        self._owed: dict[str, Owed] = {}
        self._sending: asyncio.Task[None] | None = None
        self._failing = False
        self._sent = asyncio.Event()

    async def send(self, user_id: str, rev: int) -> None:
        """Return when it has arrived; if it does not soon, it is sent again behind the caller.

        While the shared level is known to be down nobody waits.
        """
        if len(self._owed) >= MOST_OWED and user_id not in self._owed:
            metrics.SHARED_FAILURES.labels("forgotten").inc()
            return
        self._owed[user_id] = self._owed.get(user_id, NOTHING).and_then(rev)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while user_id in self._owed and not self._failing:
                    await self._sent.wait()
        except TimeoutError:
            pass
        if user_id in self._owed:
            metrics.SHARED_FAILURES.labels("owed").inc()

    def owes(self, user_id: str) -> bool:
        """Whether the shared level may still believe what this process knows to be over."""
        return user_id in self._owed

    async def close(self) -> None:
        """Stop; what is still owed is lost, and other processes find out when their answers age."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        await asyncio.sleep(0)  # the rest of this turn comes along
        while self._owed:
            batch = dict(list(self._owed.items())[:TOGETHER])
            try:
                await self._note(
                    [one for user_id, owed in batch.items() for one in owed.of(user_id)]
                )
            except SharedUnavailable:
                self._failing = True
                self._wake()
                await self._sleep(PAUSE_S)
                continue
            for user_id, owed in batch.items():
                if self._owed[user_id] is owed:  # else there is more to tell; twice does no harm
                    del self._owed[user_id]
            self._failing = False
            self._wake()

    def _wake(self) -> None:
        self._sent.set()
        self._sent = asyncio.Event()
