"""The port of the stream that carries facts between processes; tests/contracts/test_stream.py.

Delivery is at least once: whoever acts on a fact makes the act harmless when it comes again, or
keeps the place of the last one with what it changed. A stream is read in two ways:

- a **group** shares the facts out among its consumers (`take`), which own each until they `settle`
  it; what a dead consumer owned is taken over (`take_over`), what nobody can digest is set aside
  with the reason (`bury`) and may be told once more (`replay`);
- a **reader** goes through all of them in order from a place it remembers (`read`), and says from
  where on it still needs them (`keep_from`).

`trim` removes what no group and no reader needs any more, and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from service.bus.facts import Event

START = "0-0"
"""The place before the first fact. Places are `<ms>-<n>` and grow."""
MOST_DELIVERIES = 5
"""A fact that was given out so often and never settled is buried."""


class Entry(Struct, frozen=True):
    """One fact at its place. `fact` is None when its bytes cannot be read as one."""

    place: str
    fact: Event | None
    deliveries: int = 1
    mark: str = ""  # of the trace that it is part of, if there is one: `spans.mark`


class DeadFact(Struct, frozen=True):
    """What was set aside, why, and of which group."""

    place: str  # among the dead
    group: str
    topic: str
    reason: str
    deliveries: int
    at: datetime
    body: bytes


class Lag(Struct, frozen=True):
    """How far behind a group or reader is."""

    waiting: int  # not given out yet; of a reader 10,000 may mean as many or more
    owned: int  # given out and not settled
    oldest_s: float  # age of the oldest of both


@runtime_checkable  # Litestar checks what it injects
class Stream(Protocol):
    """Facts in one order for every process. Adapters raise `BusUnavailable` and nothing else."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Return when all of them are durable.

        Raises:
            BusUnavailable: some may not be; publishing them again does no harm.
            Overloaded: so much waits for the slowest reader that nothing more is taken.
        """
        ...

    async def read(self, after: str, *, limit: int, wait_s: float = 0.0) -> list[Entry]:
        """The next facts after a place, in order; wait so long when there is none yet."""
        ...

    async def keep_from(self, reader: str, place: str) -> None:
        """This reader needs no fact up to and including `place` any more."""
        ...

    async def take(
        self, group: str, consumer: str, *, limit: int, wait_s: float = 0.0
    ) -> list[Entry]:
        """Own the next facts that nobody of the group was given yet.

        A group begins with the first fact there is, the first time it takes.
        """
        ...

    async def take_over(
        self, group: str, consumer: str, *, idle_s: float, limit: int
    ) -> list[Entry]:
        """Own what another consumer of the group has owned for so long without settling it."""
        ...

    async def hold(self, group: str, consumer: str, places: Sequence[str]) -> list[str]:
        """Which of these the consumer still owns; they count as taken just now."""
        ...

    async def settle(self, group: str, places: Sequence[str]) -> None:
        """These were acted on, by whoever owns them now."""
        ...

    async def bury(self, group: str, entry: Entry, reason: str) -> None:
        """Set a fact aside and, in a group, settle it in the same step.

        In a group nothing happens when somebody else has settled it; a reader says so once.
        """
        ...

    async def dead(self, *, limit: int = 100) -> list[DeadFact]:
        """The newest facts that were set aside, newest first."""
        ...

    async def replay(self, place: str) -> bool:
        """Publish a dead fact again, once, as the newest; False when there is no such one."""
        ...

    async def trim(self) -> int:
        """Remove what everybody has settled or passed; how many facts that were."""
        ...

    async def lags(self) -> dict[str, Lag]:
        """How far behind each group and reader is."""
        ...

    async def close(self) -> None:
        """Let go of every resource."""
        ...
