"""Lists made again, offline: the same store, the same model, and the clock of back then."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from service.api.recommendations import RecommendQuery
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import Listen, Track
from service.model.current import Current, LivePrices, View
from service.model.trending import Trending
from service.model.version import Model
from service.recommend.recommender import Recommender
from service.settings import Settings
from service.store.memory import MemoryStore
from service.store.sqlite import SqliteStore
from tests.faults.noted import Looked, Made, Note, read


class Answered(Struct, frozen=True):
    """One list as it came over HTTP, and what had been accepted of its user before."""

    user: str
    query: dict[str, Any]
    listens: int
    body: bytes


class Day(Struct, frozen=True):
    """What a server answered, what it noted, the data folder it left and the model that served."""

    data: Path
    notes: Path
    answers: dict[str, Answered]
    model: Model


class Replayed(Struct, frozen=True):
    """The same list, then and now."""

    then: dict[str, Any]
    now: dict[str, Any]
    features_then: str
    features_now: str

    @property
    def same_ids(self) -> bool:
        return _ids(self.then) == _ids(self.now) and self.then["list_id"] == self.now["list_id"]

    @property
    def apart(self) -> float:
        """The largest difference of two scores at one place."""
        pairs = zip(self.then["recommendations"], self.now["recommendations"], strict=False)
        return max((abs(one["score"] - other["score"]) for one, other in pairs), default=0.0)


def _ids(page: dict[str, Any]) -> list[str]:
    return [one["track"]["id"] for one in page["recommendations"]]


class Past(Current):
    """A state that somebody else decides on."""

    then: View

    def view(self) -> View:
        return self.then


class Replay:
    """A service without a server, in the hands of notes."""

    def __init__(self, current: Past, listens: dict[str, list[Listen]]) -> None:
        self._current, self._listens = current, listens
        self._store, self._given = MemoryStore(), dict[str, int]()
        self._states: dict[int, View] = {}

    @classmethod
    async def of(cls, data: Path, model: Model, instead: Sequence[Track]) -> "Replay":
        """A replay with the store of a data folder, but for the tracks that are given instead."""
        store = SqliteStore(data / "echotune.db")
        current, listens = Past(), defaultdict[str, list[Listen]](list)
        current.add_tracks(await store.tracks())
        current.add_tracks(list(instead))
        current.model = model
        async for batch in store.listens():
            for one in batch:
                listens[one.user_id].append(one)
        await store.close()
        for mine in listens.values():
            mine.sort(key=lambda one: (one.at, one.id))
        return cls(current, listens)

    def look(self, note: Looked) -> None:
        """The state of then."""
        current = Current(lambda: note.now)
        current.catalogue, current.model = self._current.catalogue, self._current.model
        current.trending = Trending(note.landmark, np.frombuffer(note.trending))
        if note.prices and current.model is not None:
            prices = np.frombuffer(note.prices, np.float32)
            current.prices = LivePrices(current.model.version, prices)
        self._states[note.number] = current.view()

    async def make(self, note: Made, answered: Answered) -> bytes:
        """The list again."""
        self._current.then = self._states[note.state]
        await self._give(answered.user, answered.listens)
        now = datetime.fromisoformat(msgspec.json.decode(answered.body)["generated_at"])
        cache = TwoLevel(1 << 20, Revs(10))
        recommender = Recommender(
            self._store,
            self._current,
            cache,
            timeout_s=60,
            balance=Settings().balance,
            clock=lambda: now,
        )
        ask = msgspec.convert(answered.query, RecommendQuery, strict=False).ask()
        answer, _ = await recommender.for_user(answered.user, ask)
        await cache.close()
        return answer.body

    async def _give(self, user: str, many: int) -> None:
        given = self._given.get(user, 0)
        await self._store.append(self._listens[user][given:many])
        self._given[user] = max(given, many)


async def replay(
    day: Day,
    made: dict[str, str],
    *,
    model: Model | None = None,
    instead: Sequence[Track] = (),
    most: int | None = None,
) -> list[Replayed]:
    """Every answered list again, or the first so many; `made` has the features as they are made."""
    again = await Replay.of(day.data, model or day.model, instead)
    done: list[Replayed] = []
    for line in day.notes.read_bytes().splitlines():
        if most is not None and len(done) >= most:
            break
        note: Note = read(line)
        match note:
            case Looked():
                again.look(note)
            case Made() if note.list_id in day.answers:
                answered = day.answers[note.list_id]
                body = msgspec.json.decode(await again.make(note, answered))
                then = msgspec.json.decode(answered.body)
                done.append(Replayed(then, body, note.features, made.get(body["list_id"], "")))
    return done
