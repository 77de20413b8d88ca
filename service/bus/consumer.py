"""The loop that works for a consumer group: take, act on each fact in turn, settle.

Delivery is at least once: a consumer may die, or be frozen, after it has acted and before it has
settled. So a handler makes its effect harmless when it comes twice, in one of two ways:

- the effect is a state and no step: "the rev of u1 is at least 7", not "one more";
- the effect and the mark that it was done are written in **one** atomic step (a transaction, a Lua
  script), which does nothing when the mark is there. With the mark first and the count after it, or
  the other way round, 30 kills lost 5 of 22,000 effects or doubled 3. The mark is the fact's own:
  the id of a listen, of a batch. The place will not do, since a replayed fact has another.

Whoever keeps the place of the last fact in one file with what it changed is no consumer but a
reader. A reader also sees all facts in order whatever happens; a group keeps the order within one
consumer for as long as it lives.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from os import getpid
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from msgspec import structs

from service import metrics
from service.bus.facts import Event
from service.bus.protocol import MOST_DELIVERIES, Entry, Stream
from service.errors import Unavailable

log = structlog.get_logger()

Act = Callable[[Any], Awaitable[None]]

BATCH = 100
IDLE_S = 30.0
"""What is owned for so long and not settled is taken over: its consumer died or is frozen."""
WAIT_S = 1.0
BACKOFF_S = 0.1
"""Wait before the second try; it doubles with each one after."""
LONGEST_S = 5.0
"""Wait between tries at something that does not answer."""
GRACE_S = 5.0
"""For what was taken before the consumer was to end."""
REASON_LENGTH = 500


class Consumer:
    """One consumer of a group; as many as there are processes share the facts out.

    A fact whose handler raises, or takes longer than half of `idle_s`, is tried again; every try is
    a delivery. After `most_deliveries` it is buried with the reason and the rest goes on. A handler
    that raises `Unavailable` says nothing about the fact: it is tried until it answers.
    """

    def __init__(
        self,
        stream: Stream,
        group: str,
        act: Act,
        *,
        batch: int = BATCH,
        idle_s: float = IDLE_S,
        wait_s: float = WAIT_S,
        backoff_s: float = BACKOFF_S,
        most_deliveries: int = MOST_DELIVERIES,
    ) -> None:
        self._stream, self._group, self._act = stream, group, act
        self._batch, self._idle_s = batch, idle_s
        self._wait_s, self._backoff_s, self._most = wait_s, backoff_s, most_deliveries
        self._name = f"{getpid()}-{uuid4().hex[:8]}"
        self._ending = asyncio.Event()
        self._until = inf
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Work from now on."""
        self._working = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Take no more and return when what was taken is settled.

        A fact that waits for its next try is left to be taken over, and so is what follows it.
        """
        self._until = monotonic() + GRACE_S
        self._ending.set()
        if self._working is not None:
            await self._working

    async def turn(self) -> int:
        """Take once and act on all of it; how many facts were taken.

        What a dead consumer owned comes first and one at a time: if it died of one fact, the others
        are not to be blamed.

        Raises:
            BusUnavailable: whatever was not settled comes again.
        """
        taken = await self._stream.take_over(self._group, self._name, idle_s=self._idle_s, limit=1)
        if not taken:
            taken = await self._stream.take(
                self._group, self._name, limit=self._batch, wait_s=self._wait_s
            )
        if taken:
            hand = _Hand(
                self._stream,
                self._group,
                self._name,
                taken,
                most_deliveries=self._most,
                hold_s=self._idle_s / 4,
            )
            try:
                await self._play(hand)
            finally:
                await hand.settle()
        return len(taken)

    async def _work(self) -> None:
        failures = 0
        while not self._ending.is_set():
            try:
                await self.turn()
            except Unavailable as error:
                log.warning("facts cannot be taken", group=self._group, reason=str(error))
            except Exception:  # a consumer that silently takes nothing looks idle
                log.exception("facts cannot be taken", group=self._group)
            else:
                failures = 0
                continue
            await self._paused(failures)
            failures += 1

    async def _play(self, hand: "_Hand") -> None:
        failures = 0
        while (entry := await hand.first()) is not None and monotonic() < self._until:
            error = await self._tried(entry.fact)
            if error is None:
                hand.acted()
                failures = 0
                continue
            if isinstance(error, Unavailable):
                log.warning("a fact has to wait", group=self._group, reason=str(error))
            elif await hand.failed(error):
                failures = 0
                continue
            await hand.settle()
            if await self._paused(failures):
                return
            failures += 1

    async def _tried(self, fact: Event | None) -> Exception | None:
        try:
            async with asyncio.timeout(self._idle_s / 2):
                await self._act(fact)
        except Exception as error:  # noqa: BLE001 - it is the reason if the fact is buried
            return error
        return None

    async def _paused(self, failures: int) -> bool:
        """Wait after so many failures in a row before this one; whether it is time to end."""
        wait_s = min(self._backoff_s * 2 ** min(failures, 16), LONGEST_S)
        try:
            async with asyncio.timeout(wait_s):
                await self._ending.wait()
        except TimeoutError:
            return False
        return True


class _Hand:
    """What one consumer has taken and not settled, in order."""

    def __init__(
        self,
        stream: Stream,
        group: str,
        name: str,
        entries: list[Entry],
        *,
        most_deliveries: int,
        hold_s: float,
    ) -> None:
        self._stream, self._group, self._name = stream, group, name
        self._entries, self._done = deque(entries), list[str]()
        self._most, self._held, self._hold_s = most_deliveries, monotonic(), hold_s

    async def first(self) -> Entry | None:
        """The next fact that can be acted on and is still ours; those that cannot are buried."""
        while self._entries:
            if monotonic() - self._held > self._hold_s:
                await self._hold()
                if not self._entries:
                    break
            entry = self._entries[0]
            if entry.fact is None:
                await self._bury("no fact that this release can read")
            elif entry.deliveries > self._most:
                self._entries[0] = structs.replace(entry, deliveries=entry.deliveries - 1)
                await self._bury("its consumers died, or were frozen, before they settled it")
            else:
                return entry
        return None

    def acted(self) -> None:
        """The first was acted on."""
        self._done.append(self._entries.popleft().place)
        self._count("done")

    async def failed(self, error: Exception) -> bool:
        """Note a failed try at the first; whether it was the last one, and the fact is buried."""
        entry = self._entries[0]
        reason = f"{type(error).__name__}: {error}"[:REASON_LENGTH]
        if entry.deliveries >= self._most:
            log.error("a fact failed for good", group=self._group, exc_info=error)
            await self._bury(reason)
            return True
        log.warning("a fact failed", group=self._group, place=entry.place, reason=reason)
        self._entries[0] = structs.replace(entry, deliveries=entry.deliveries + 1)
        self._count("retried")
        return False

    async def settle(self) -> None:
        """Settle what was acted on."""
        done, self._done = self._done, []
        if done:
            await self._stream.settle(self._group, done)

    async def _hold(self) -> None:
        """Drop what somebody else has taken over meanwhile; the rest stays ours."""
        now = monotonic()
        await self.settle()
        places = [entry.place for entry in self._entries]
        held = set(await self._stream.hold(self._group, self._name, places))
        self._entries = deque(entry for entry in self._entries if entry.place in held)
        self._held = now

    async def _bury(self, reason: str) -> None:
        """Set the first aside, unless it is somebody else's by now."""
        entry = self._entries[0]
        await self._hold()
        if not self._entries or self._entries[0].place != entry.place:
            return
        log.error("a fact is buried", group=self._group, place=entry.place, reason=reason)
        await self._stream.bury(self._group, entry, reason)
        self._entries.popleft()
        self._count("dead")

    def _count(self, outcome: str) -> None:
        metrics.EVENTS.labels(self._group, outcome).inc()
