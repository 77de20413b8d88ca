"""Insights are made in a thread, for all who ask within half a minute at once."""

import asyncio
import threading
from datetime import datetime, timedelta

import numpy as np
from msgspec import structs

from service.learn.live_quality import LiveQuality
from service.learn.lookout import Lookout, look
from service.model.current import Current
from service.recommend.exposure import Showing
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, model


class Desk:
    """A process whose clock is moved by hand."""

    def __init__(self) -> None:
        self.now, self.store = NOON, MemoryStore()
        self.current = Current(self.clock)
        self.current.add_tracks(worlds.tracks())
        self.live = LiveQuality(self.current, self.clock)
        self.lookout = Lookout(self.store, self.current, self.live, clock=self.clock)

    def clock(self) -> datetime:
        return self.now

    def show(self, user: str, *rows: int) -> None:
        packed = np.array(rows, np.int32).tobytes()
        self.live.note([Showing(user, "hybrid", f"{user}{rows}", packed)])


async def test_what_was_made_is_kept_for_half_a_minute() -> None:
    desk = Desk()
    desk.show("jazz-u0", 1, 2)
    first, same = await asyncio.gather(desk.lookout.newest(), desk.lookout.newest())
    desk.show("jazz-u1", 1, 3, 4)
    desk.now += timedelta(seconds=29.9)
    kept = await desk.lookout.newest()
    desk.now += timedelta(seconds=0.1)
    newest = await desk.lookout.newest()

    assert first is same is kept
    assert (1, 2, NOON) == (first.all.lists, first.all.places, first.as_of)
    assert (2, 5, desk.now) == (newest.all.lists, newest.all.places, newest.as_of)


async def test_it_knows_who_is_known_as_soon_as_there_is_a_model() -> None:
    desk = Desk()
    desk.show("jazz-u0", 1)
    before = await desk.lookout.newest()
    desk.current.model = model(desk.current.catalogue)
    desk.now += timedelta(minutes=1)
    after = await desk.lookout.newest()

    assert [1, 0, 0, 0] == [group.lists for group in before.groups]
    assert [0, 0, 1, 0] == [group.lists for group in after.groups]  # all like twelve
    assert (None, "v1") == (before.model, after.model)


async def test_plays_come_from_the_store() -> None:
    desk = Desk()
    await desk.store.put_tracks(worlds.tracks())
    listens = enumerate(worlds.listens())
    await desk.store.append([structs.replace(one, id=str(number)) for number, one in listens])
    now = worlds.YESTERDAY + timedelta(days=1)
    found = await look(desk.store, desk.current, list, source="made", now=now)

    plays = len(worlds.listens())  # one of each user and track, and three users for each track
    assert plays == sum(map(sum, found.clock))
    assert {"jazz": 0.3333, "metal": 0.3333, "folk": 0.3333} == {
        one.name: one.played for one in found.genres
    }
    assert 20 == len(found.rising)
    assert "made" == found.source


async def test_lists_are_read_in_another_thread() -> None:
    desk, threads = Desk(), []

    def seen() -> list:
        threads.append(threading.current_thread())
        return []

    await look(desk.store, desk.current, seen, source="made", now=NOON)

    assert threads != [threading.current_thread()]
