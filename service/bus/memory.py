"""The stream of one process: the store is the log, so nothing here outlives a restart."""

import asyncio
import itertools
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from service.bus.facts import Event, topic
from service.bus.protocol import DeadFact, Entry, Lag
from service.bus.wire import from_bytes, to_bytes
from service.errors import Overloaded

MOST_WAITING = 100_000
"""Events that wait for the slowest reader before no more is taken."""
MOST_BYTES = 256 << 20
"""The same in bytes: a request of 1,000 listens is one event of 250 KB."""
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
        self._bodies: dict[Place, bytes] = {}
        self._bytes = 0
        self._newest: Place = (0, 0)
        self._groups: dict[str, _Group] = {}
        self._dead: dict[Place, DeadFact] = {}
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()

    async def publish(self, events: Sequence[Event]) -> None:
        bodies = [to_bytes(event) for event in events]
        if not self._has_room_for(bodies):
            await self.trim()
            if not self._groups:  # nobody reads, and whoever will begins with the store
                self._forget(len(self._places))
            elif not self._has_room_for(bodies):
                raise Overloaded("events wait to be learned from: send them again in a moment")
        for body in bodies:
            self._add(body)

    def _add(self, body: bytes) -> None:
        milliseconds = max(int(self._clock() * 1000), self._newest[0])
        self._newest = (milliseconds, self._newest[1] + 1 if milliseconds == self._newest[0] else 0)
        self._places.append(self._newest)
        self._bodies[self._newest] = body
        self._bytes += len(body)
        self._news.set()
        self._news = asyncio.Event()

    async def read(self, after: str, *, limit: int, wait_s: float = 0.0) -> list[Entry]:
        place = _place(after)
        found = self._after(place, limit)
        if not found and wait_s > 0 and await self._waited(wait_s):
            found = self._after(place, limit)
        return [Entry(_text(at), from_bytes(body)) for at, body in found]

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
        return [Entry(_text(place), from_bytes(body)) for place, body in found]

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
            taken.append(Entry(_text(place), from_bytes(self._bodies[place]), owned.deliveries + 1))
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
        body = self._bodies[place]
        event = from_bytes(body)
        at = (int(self._clock() * 1000), next(self._numbers))
        self._dead[at] = DeadFact(
            _text(at),
            group,
            topic(event) if event is not None else "",
            reason,
            entry.deliveries,
            datetime.fromtimestamp(self._clock(), UTC),
            body,
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
        if buried is None:
            return False
        self._add(buried.body)
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

    def _has_room_for(self, bodies: Sequence[bytes]) -> bool:
        return not self._places or (
            len(self._places) + len(bodies) <= self._most
            and self._bytes + sum(map(len, bodies)) <= self._most_bytes
        )

    def _forget(self, count: int) -> None:
        for place in self._places[:count]:
            self._bytes -= len(self._bodies.pop(place))
        del self._places[:count]

    @staticmethod
    def _needed(group: _Group) -> Place:
        """The last place this group is through with."""
        if not group.owned:
            return group.passed
        first = min(group.owned)
        return (first[0], first[1] - 1)  # no place is there, and places only compare

    def _after(self, place: Place, limit: int) -> list[tuple[Place, bytes]]:
        start = bisect_right(self._places, place)
        return [(at, self._bodies[at]) for at in self._places[start : start + limit]]

    async def _waited(self, wait_s: float) -> bool:
        """Whether something came."""
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


def _place(text: str) -> Place:
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number or 0)


def _text(place: Place) -> str:
    return f"{place[0]}-{place[1]}"
