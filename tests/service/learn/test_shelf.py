"""The one way in for tracks: rows in memory follow rows in the store."""

import asyncio
from collections.abc import Sequence

import pytest

from service.bus import START, Bus, TrackChanged
from service.bus.memory import MemoryStream
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import Track
from service.errors import Overloaded
from service.learn.invalidation import Invalidation
from service.learn.shelf import Shelf
from service.model.current import Current
from service.store.memory import MemoryStore
from tests.service.given import track


async def test_new_and_changed_tracks_are_stored_and_told() -> None:
    bus, heard, store = Bus(), [], MemoryStore()

    async def hear(fact: TrackChanged) -> None:
        heard.append([one.id for one in fact.tracks])

    bus.subscribe(TrackChanged, hear)
    shelf = Shelf(store, bus)

    assert [True, True] == await shelf.put([track("a"), track("b")])
    assert [False, True] == await shelf.put([track("a"), track("b", title="New")])
    assert [False] == await shelf.put([track("a")])
    assert [["a", "b"], ["b"]] == heard
    assert ["a", "b"] == [one.id for one in await store.tracks()]


class SlowStore(MemoryStore):
    """The first to come answers last, as two connections may."""

    def __init__(self) -> None:
        super().__init__()
        self._delay_s = 0.05

    async def put_tracks(self, tracks: Sequence[Track]) -> list[bool]:
        changed = await super().put_tracks(tracks)
        delay_s, self._delay_s = self._delay_s, 0.0
        await asyncio.sleep(delay_s)
        return changed


async def test_rows_in_memory_follow_rows_in_the_store_when_many_put_at_once() -> None:
    bus, store, current = Bus(), SlowStore(), Current()
    invalidation = Invalidation(current, TwoLevel(1 << 20, Revs()))
    bus.subscribe(TrackChanged, invalidation.on_track_changed)
    shelf = Shelf(store, bus)

    await asyncio.gather(*(shelf.put([track(f"t{number}")]) for number in range(5)))

    stored = [one.id for one in await store.tracks()]
    assert stored == [brief.id for brief in current.catalogue.briefs]


async def test_tracks_put_again_are_told_to_everybody_again() -> None:
    """The first time the stream may not have taken them."""
    stream, store = MemoryStream(most_waiting=1), MemoryStore()
    shelf = Shelf(store, Bus(stream))
    await stream.keep_from("learner", START)
    await shelf.put([track("a")])
    with pytest.raises(Overloaded):
        await shelf.put([track("b"), track("c")])
    (first,) = await stream.read(START, limit=10)
    await stream.keep_from("learner", first.place)

    assert [False, False] == await shelf.put([track("b"), track("c")])

    assert [TrackChanged([track("b"), track("c")])] == [
        entry.fact for entry in await stream.read(first.place, limit=10)
    ]
    assert [] == await shelf.put([])
