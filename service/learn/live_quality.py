"""How good lists are while the service runs: what was shown, and what of it was played.

Everything is a sum over whole hours of the last 24, so the figures of several processes can be
added up. Coverage, Gini and novelty are those of `core.evaluation`, over every place on every list
that was answered; hit@k is the share of lists from which a track was played within 24 hours, of all
users while they are few, else of some drawn by their names (distinct sampling, Gibbons 2001): if
those who came last were remembered instead, the share would be that of who comes often.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from threading import Lock

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.evaluation import gini
from service import metrics
from service.bus import ListenStored, UserUpdated
from service.model.current import Current
from service.model.trending import trends
from service.recommend.exposure import Showing

HOURS = 24
WINDOW = timedelta(hours=HOURS)
EVERY = timedelta(seconds=10)  # sorting the counts of a million tracks for a Gini takes 60 ms
MOST_USERS = 10_000
"""With more, every second one is forgotten, and whoever is like them is not remembered again."""
MOST_LISTS = 4  # of one user, the oldest go: 15 MB in all
HIT = "hit_at_k"


class Seen(Struct):
    """A list that a user was shown, and whether they have played from it."""

    tag: str
    strategy: str
    hour: int
    at: datetime
    packed: bytes  # int32; as a set of numbers a list of 20 would take 3 KB
    hit: bool = False


class HourlyCounts:
    """How often each row was counted, by hour; hours that have passed are kept sparse."""

    def __init__(self) -> None:
        self._hours: deque[tuple[int, NDArray[np.int32], NDArray[np.int64]]] = deque()
        self.total = np.zeros(0, np.int64)  # (rows,) over the hours kept

    def add(self, hour: int, rows: NDArray[np.int32], size: int) -> None:
        """Count rows below `size` in this hour, which is not before the last one."""
        if size > self.total.size:
            self.total = np.concatenate([self.total, np.zeros(size - self.total.size, np.int64)])
        found, counts = np.unique(rows[rows < size], return_counts=True)
        if self._hours and self._hours[-1][0] == hour:
            _, before, times = self._hours.pop()
            every = np.concatenate([before, found])
            found, places = np.unique(every, return_inverse=True)
            merged = np.zeros(found.size, np.int64)
            np.add.at(merged, places, np.concatenate([times, counts]))
            self.total[before] -= times
            counts = merged
        self._hours.append((hour, found.astype(np.int32), counts.astype(np.int64)))
        self.total[found] += counts
        self.drop(hour)

    def drop(self, hour: int) -> None:
        """Forget what was counted before the last 24 hours."""
        while self._hours and self._hours[0][0] <= hour - HOURS:
            _, rows, counts = self._hours.popleft()
            self.total[rows] -= counts


class LiveQuality:
    """The figures of this process."""

    def __init__(
        self, current: Current, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._current, self._clock = current, clock
        self._counts = HourlyCounts()
        self._users: dict[str, list[Seen]] = {}
        self._share = 1.0  # of all users, who are remembered
        self._lock = Lock()  # who notes, who looks and who erases are three threads
        self._lists: dict[tuple[str, int], int] = {}  # by strategy and hour; of `_users`
        self._hits: dict[tuple[str, int], int] = {}
        self._told = datetime.min.replace(tzinfo=UTC)

    def note(self, showings: Iterable[Showing]) -> None:
        """Count lists that were answered, and tell the figures if they are ten seconds old."""
        now = self._clock()
        hour, size, every = _hour(now), self._current.catalogue.size, [np.empty(0, np.int32)]
        for showing in showings:
            rows = showing.rows
            every.append(rows)
            self._remember(showing, hour, now)
        self._counts.add(hour, np.concatenate(every), size)
        if now - self._told >= EVERY:
            self._told = now
            self.tell()

    async def on_listen_stored(self, fact: ListenStored) -> None:
        """Heard on the bus: a play of something that was shown is a hit of the lists it was on."""
        for listen in fact.listens:
            lists = self._users.get(listen.user_id)
            row = self._current.catalogue.row(listen.track_id)
            if lists is None or row is None or not trends(listen):
                continue
            with self._lock:
                for seen in lists:
                    in_time = seen.at - EVERY <= listen.at <= seen.at + WINDOW
                    if not seen.hit and in_time and row in np.frombuffer(seen.packed, np.int32):
                        seen.hit = True
                        _count(self._hits, seen, 1)

    async def on_user_updated(self, fact: UserUpdated) -> None:
        """Heard on the bus: of an erased user nothing is kept."""
        if fact.rev is None:
            with self._lock:
                self._users.pop(fact.user_id, None)

    def seen(self) -> list[tuple[str, NDArray[np.int32]]]:
        """The lists of the last 24 hours, at most `MOST_LISTS` a user: who saw which rows.

        From whatever thread. 200,000 lists take 0.3 s; whoever notes or erases waits for 20 ms of
        it at most.
        """
        since, found = self._clock() - WINDOW, []
        with self._lock:
            users = list(self._users.items())
        for user_id, lists in users:
            with self._lock:
                held = list(lists)
            found += [
                (user_id, np.frombuffer(seen.packed, np.int32)) for seen in held if seen.at > since
            ]
        return found

    def tell(self) -> None:
        """Set the gauges; a figure that nothing is known of has no sample rather than a zero."""
        hour = _hour(self._clock())
        self._counts.drop(hour)
        with self._lock:
            for sums in (self._lists, self._hits):
                for key in [key for key in sums if key[1] <= hour - HOURS]:
                    del sums[key]
            lists, hits = dict(self._lists), dict(self._hits)
        self._tell_shown()
        for strategy in {strategy for strategy, _ in lists}:
            of = [key for key in lists if key[0] == strategy]
            if many := sum(lists[key] for key in of):
                share = sum(hits.get(key, 0) for key in of) / many
                metrics.ACCURACY.labels(strategy, HIT).set(share)

    def _tell_shown(self) -> None:
        total, model = self._counts.total, self._current.model
        if not total.any():
            return
        metrics.LIVE_COVERAGE.set(float((total > 0).mean()))
        metrics.LIVE_GINI.set(gini(total))
        if model is None or len(model.listeners.ids) < 2:
            return
        shown = np.flatnonzero(total)
        listeners = np.ones(total.size)
        listeners[: model.tracks] = np.maximum(model.listener_counts, 1)
        users = len(model.listeners.ids)
        rare = -np.log2(listeners[shown] / users) / np.log2(users)
        metrics.LIVE_NOVELTY.set(float(np.average(rare, weights=total[shown])))

    def _remember(self, showing: Showing, hour: int, now: datetime) -> None:
        if _place(showing.user_id) >= self._share:
            return
        seen = Seen(showing.tag, showing.strategy, hour, now, showing.packed)
        with self._lock:
            lists = self._users.setdefault(showing.user_id, [])
            if any(one.tag == seen.tag for one in lists):
                return  # the same list again
            lists.insert(0, seen)
            del lists[MOST_LISTS:]
            _count(self._lists, seen, 1)
            while len(self._users) > MOST_USERS:
                self._halve()

    def _halve(self) -> None:
        """Forget every second user, and their lists as if they had not been shown."""
        self._share /= 2
        for user_id in [one for one in self._users if _place(one) >= self._share]:
            for seen in self._users.pop(user_id):
                _count(self._lists, seen, -1)
                _count(self._hits, seen, -int(seen.hit))


def _place(user_id: str) -> float:
    """Where a user is between 0 and 1, in every process and every day the same."""
    digest = blake2b(user_id.encode(), digest_size=4).digest()  # a CRC halves like names alike
    return int.from_bytes(digest) / 2**32


def _count(sums: dict[tuple[str, int], int], seen: Seen, times: int) -> None:
    key = seen.strategy, seen.hour
    sums[key] = sums.get(key, 0) + times


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // 3600
