"""What a process knew and worked out for each list, written down: what a replay needs.

A list is made of the listens of its user, the model, and two things that were learned since: what
trends, and prices as they have become. Features are what the strategies said about every track.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from service.model.current import Current, LivePrices, View
from service.recommend import pipeline, recommender
from service.recommend.ask import Ask, Listener
from service.recommend.page import list_id
from service.recommend.parts import Parts, dense
from service.recommend.pipeline import Ranking, rank


class Looked(Struct, frozen=True, tag=True):
    """From here on this is the state that lists are made from."""

    number: int
    landmark: datetime
    now: datetime
    trending: bytes  # float64 (tracks,), plays as of the landmark
    prices: bytes  # float32 (tracks,), nothing where they are as fitted


class Made(Struct, frozen=True, tag=True):
    """A list, by which state and which features."""

    list_id: str
    state: int
    rev: int
    features: str


Note = Looked | Made


class Observer:
    """Hears of everything above; `patch(owner, name, value)` puts it into the code that runs."""

    def __init__(self, tell: Callable[[Note], object]) -> None:
        self._tell = tell
        self._states: list[Any] = []  # the trending array of each, so that no id is used again
        self._looked: tuple[datetime, datetime, bytes]
        self._features: dict[int, list[str]] = {}

    def attach(self, patch: Callable[[Any, str, Any], object]) -> None:
        """From now on."""
        trending, charged = Current._trending, Current._charged
        recommend = pipeline._listed

        def looked(current: Current, now: datetime) -> Any:
            self._states.append(trending(current, now))
            counters = current.trending
            self._looked = counters.landmark, now, counters.weights.tobytes()
            return self._states[-1]

        def priced(current: Current, live: LivePrices | None) -> Any:
            """Right after `looked`; what is learned beside it may not come between."""
            model = current.model
            values = live.values if live and model and live.version == model.version else None
            prices = b"" if values is None else values.tobytes()
            self._tell(Looked(len(self._states) - 1, *self._looked, prices))
            return charged(current, live)

        async def ranked(view: View, listener: Listener, ask: Ask, **more: Any) -> Ranking:
            ranking = await rank(view, listener, ask, **more)
            features = self._features.pop(id(listener), [])
            if listener.now is not None and (state := self._state(view)) is not None:
                name = list_id(listener.user.id, listener.now, ranking.recommendations)
                self._tell(Made(name, state, listener.user.rev, ",".join(features)))
            return ranking

        def recommended(
            view: View, listener: Listener, ask: Ask, parts: Parts, allowed: Any
        ) -> pipeline.Listed:
            self._features.setdefault(id(listener), []).append(digest(parts, view.catalogue.size))
            return recommend(view, listener, ask, parts, allowed)

        patch(Current, "_trending", looked)
        patch(Current, "_charged", priced)
        patch(recommender, "rank", ranked)
        patch(pipeline, "_listed", recommended)

    def _state(self, view: View) -> int | None:
        return next((n for n, one in enumerate(self._states) if one is view.trending), None)


def digest(parts: Parts, size: int) -> str:
    """Of every byte of what each part says about every track."""
    hashed = blake2b(digest_size=8)
    for name in sorted(parts):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(dense(parts[name], size)).tobytes())
    return hashed.hexdigest()


def read(line: bytes) -> Note:
    """A note from its line."""
    return msgspec.json.decode(line, type=Note)
