"""The stream of one process: the store is the log, so nothing here outlives a restart.

Events stay the objects they are: as bytes and back, a batch of 1,000 listens took 3 ms.
"""

import asyncio
import itertools
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from service import spans
from service.bus.facts import Event, ListenStored, topic
from service.bus.protocol import DeadFact, Entry, Lag
from service.bus.wire import from_bytes, to_bytes
from service.errors import Overloaded

MOST_WAITING = 100_000
"""Events that wait for the slowest reader before no more is taken."""
MOST_BYTES = 256 << 20
"""The same in bytes: a request of 1,000 listens is one event of 250 KB."""
LISTEN_BYTES = 250
MOST_DEAD = 1_000
Place = tuple[int, int]


@dataclass
class _Owned:
    consumer: str
    since: float
    deliveries: int


@dataclass
class _Group:
    passed: Place  # given out so far, or passed by a reader
    owned: dict[Place, _Owned] = field(default_factory=dict)
    reader: bool = False


class MemoryStream:
    """Events of this process in order, kept until every group and reader is through with them."""

    def __init__(
        self,
        *,
        most_waiting: int = MOST_WAITING,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._most, self._most_bytes, self._clock = most_waiting, most_bytes, clock
        self._places: list[Place] = []
        self._events: dict[Place, Event] = {}
        self._marks: dict[Place, str] = {}
        self._bytes = 0
        self._newest: Place = (0, 0)
        self._groups: dict[str, _Group] = {}
        self._dead: dict[Place, DeadFact] = {}
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()

    async def publish(self, events: Sequence[Event]) -> None:
        if not self._has_room_for(events):
            await self.trim()
            if not self._groups:  # nobody reads, and whoever will begins with the store
                self._forget(len(self._places))
            elif not self._has_room_for(events):
                raise Overloaded("events wait to be learned from: send them again in a moment")
        mark = spans.mark()
        for event in events:
            self._add(event)
            if mark:
                self._marks[self._newest] = mark

    def _add(self, event: Event) -> None:
        milliseconds = max(int(self._clock() * 1000), self._newest[0])
        self._newest = (milliseconds, self._newest[1] + 1 if milliseconds == self._newest[0] else 0)
        self._places.append(self._newest)
        self._events[self._newest] = event
        self._bytes += _bytes(event)
        self._news.set()
        self._news = asyncio.Event()

    async def read(self, after: str, *, limit: int, wait_s: float = 0.0) -> list[Entry]:
        place = _place(after)
        found = self._after(place, limit)
        if not found and wait_s > 0 and await self._waited(wait_s):
            found = self._after(place, limit)
        return [Entry(_text(at), event, mark=self._marks.get(at, "")) for at, event in found]

    async def keep_from(self, reader: str, place: str) -> None:
        group = self._groups.setdefault(reader, _Group((0, 0), reader=True))
        group.passed = max(group.passed, _place(place))

    async def take(
        self, group: str, consumer: str, *, limit: int, wait_s: float = 0.0
    ) -> list[Entry]:
        of = self._groups.setdefault(group, _Group((0, 0)))
        found = self._after(of.passed, limit)
        if not found and wait_s > 0 and await self._waited(wait_s):
            found = self._after(of.passed, limit)
        for place, _ in found:
            of.passed = place
            of.owned[place] = _Owned(consumer, self._clock(), 1)
        return [Entry(_text(place), event) for place, event in found]

    async def take_over(
        self, group: str, consumer: str, *, idle_s: float, limit: int
    ) -> list[Entry]:
        of, now = self._groups.get(group), self._clock()
        if of is None:
            return []
        late = [place for place, owned in of.owned.items() if now - owned.since >= idle_s]
        taken = []
        for place in sorted(late)[:limit]:
            owned = of.owned[place]
            of.owned[place] = _Owned(consumer, now, owned.deliveries + 1)
            taken.append(Entry(_text(place), self._events[place], owned.deliveries + 1))
        return taken

    async def hold(self, group: str, consumer: str, places: Sequence[str]) -> list[str]:
        of = self._groups.get(group)
        owned = {place: of.owned.get(_place(place)) for place in places} if of is not None else {}
        held = [
            place for place, one in owned.items() if one is not None and one.consumer == consumer
        ]
        for place in held:
            owned[place].since = self._clock()  # type: ignore[union-attr]
        return held

    async def settle(self, group: str, places: Sequence[str]) -> None:
        of = self._groups.get(group)
        for place in places if of is not None else ():
            of.owned.pop(_place(place), None)  # type: ignore[union-attr]

    async def bury(self, group: str, entry: Entry, reason: str) -> None:
        place = _place(entry.place)
        of = self._groups.get(group)
        if of is None or (of.owned.pop(place, None) is None and not of.reader):
            return  # somebody else has settled or buried it
        event = self._events[place]
        at = (int(self._clock() * 1000), next(self._numbers))
        self._dead[at] = DeadFact(
            _text(at),
            group,
            topic(event),
            reason,
            entry.deliveries,
            datetime.fromtimestamp(self._clock(), UTC),
            to_bytes(event),
        )
        while len(self._dead) > MOST_DEAD:
            del self._dead[next(iter(self._dead))]

    async def dead(self, *, limit: int = 100) -> list[DeadFact]:
        return list(reversed(self._dead.values()))[:limit]

    async def replay(self, place: str) -> bool:
        try:
            buried = self._dead.pop(_place(place), None)
        except ValueError:
            return False
        event = from_bytes(buried.body) if buried is not None else None
        if event is None:
            return False
        self._add(event)
        return True

    async def trim(self) -> int:
        needed = [self._needed(group) for group in self._groups.values()]
        count = bisect_right(self._places, min(needed, default=(0, 0)))
        self._forget(count)
        return count

    async def lags(self) -> dict[str, Lag]:
        now, lags = self._clock(), {}
        for name, group in self._groups.items():
            waiting = self._places[bisect_right(self._places, group.passed) :]
            oldest = min([*waiting[:1], *group.owned], default=None)
            age = max(now - oldest[0] / 1000, 0.0) if oldest is not None else 0.0
            lags[name] = Lag(len(waiting), len(group.owned), age)
        return lags

    async def close(self) -> None:
        pass

    def _has_room_for(self, events: Sequence[Event]) -> bool:
        return not self._places or (
            len(self._places) + len(events) <= self._most
            and self._bytes + sum(map(_bytes, events)) <= self._most_bytes
        )

    def _forget(self, count: int) -> None:
        for place in self._places[:count]:
            self._bytes -= _bytes(self._events.pop(place))
            self._marks.pop(place, None)
        del self._places[:count]

    @staticmethod
    def _needed(group: _Group) -> Place:
        """The last place this group is through with."""
        if not group.owned:
            return group.passed
        first = min(group.owned)
        return (first[0], first[1] - 1)  # no place is there, and places only compare

    def _after(self, place: Place, limit: int) -> list[tuple[Place, Event]]:
        start = bisect_right(self._places, place)
        return [(at, self._events[at]) for at in self._places[start : start + limit]]

    async def _waited(self, wait_s: float) -> bool:
        """Whether something came."""
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


def _bytes(event: Event) -> int:
    """About what it takes up; listens are too many to be looked at for this."""
    if isinstance(event, ListenStored):
        return len(event.listens) * LISTEN_BYTES
    return len(to_bytes(event))


def _place(text: str) -> Place:
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number or 0)


def _text(place: Place) -> str:
    return f"{place[0]}-{place[1]}"
