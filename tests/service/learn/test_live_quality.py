import asyncio
import itertools
import sys
import threading
from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from service.bus import ListenStored, UserUpdated
from service.domain import Listen
from service.learn.live_quality import HOURS, MOST_LISTS, HourlyCounts, LiveQuality
from service.model.current import Current
from service.recommend.exposure import Showing
from tests import worlds
from tests.service.given import NOON, model


class Day:
    """A process whose clock is moved by hand."""

    def __init__(self) -> None:
        self.now = NOON
        self.current = Current(self.clock)
        self.current.add_tracks(worlds.tracks())
        self.current.model = model(self.current.catalogue)
        self.live = LiveQuality(self.current, self.clock)

    def clock(self) -> datetime:
        return self.now

    def show(self, user: str, tag: str, *rows: int, strategy: str = "content") -> None:
        self.live.note([Showing(user, strategy, tag, np.array(rows, np.int32).tobytes())])

    async def play(self, user: str, row: int, **more) -> None:
        track = self.current.catalogue.briefs[row].id
        listen = Listen(user_id=user, track_id=track, at=self.now, **more)
        await self.live.on_listen_stored(ListenStored([listen]))

    def hit_share(self, strategy: str = "content") -> float | None:
        self.live.tell()
        labels = {"algorithm": strategy, "metric_type": "hit_at_k"}
        return REGISTRY.get_sample_value("recommendation_algorithm_accuracy", labels)


def figure(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"echotune_live_{name}")


def test_coverage_gini_and_novelty_are_those_of_what_was_shown() -> None:
    """Two of sixty tracks, one of them three times: shares 1/4 and 3/4 of two, none of 58."""
    day = Day()
    assert day.current.model is not None
    listeners = np.maximum(day.current.model.listener_counts, 1)
    users = len(day.current.model.listeners.ids)

    day.show("a", "1", 4, 7)
    day.show("b", "2", 7)
    day.show("b", "2", 7)
    day.live.tell()

    rare = -np.log2(listeners / users) / np.log2(users)
    ranks, counts = np.array([59, 60]), np.array([1, 3])
    assert pytest.approx(2 / 60) == figure("coverage")
    assert pytest.approx(((2 * ranks - 61) @ counts) / (60 * 4)) == figure("gini")
    assert pytest.approx((rare[4] + 3 * rare[7]) / 4) == figure("novelty")


async def test_a_play_from_a_list_is_a_hit_of_that_list_once() -> None:
    day = Day()
    day.show("a", "1", 4, 7)
    day.show("b", "2", 4, 7)
    assert 0.0 == day.hit_share()

    await day.play("a", 7)
    await day.play("a", 4)
    await day.play("b", 9)  # not on the list
    await day.play("b", 4, action="skip")  # no play
    await day.play("nobody", 4)

    assert 0.5 == day.hit_share()


async def test_the_same_list_sent_again_counts_once() -> None:
    day = Day()
    for _ in range(3):
        day.show("a", "1", 4)
    await day.play("a", 4)

    assert 1.0 == day.hit_share()


async def test_a_play_a_day_later_is_no_hit() -> None:
    day = Day()
    day.show("a", "1", 4)
    day.now += timedelta(hours=25)
    day.show("b", "2", 4)
    await day.play("a", 4)

    assert 0.0 == day.hit_share()


async def test_what_was_shown_a_day_ago_no_longer_counts() -> None:
    day = Day()
    day.show("a", "1", 4, 5, 6)
    day.now += timedelta(hours=24)
    day.show("a", "2", 7)
    day.live.tell()

    assert pytest.approx(1 / 60) == figure("coverage")


async def test_of_an_erased_user_nothing_is_kept() -> None:
    day = Day()
    day.show("a", "1", 4)
    await day.live.on_user_updated(UserUpdated("a", 7))
    assert "a" in day.live._users

    await day.live.on_user_updated(UserUpdated("a", None))

    assert "a" not in day.live._users


def test_whoever_looks_sees_the_lists_of_the_last_day_each_once() -> None:
    day = Day()
    day.show("a", "1", 4)
    day.now += timedelta(hours=23)
    day.show("b", "2", 5, 6)
    day.show("b", "2", 5, 6)
    day.show("a", "3", 7)
    seen = [(user, rows.tolist()) for user, rows in day.live.seen()]
    day.now += timedelta(hours=1)

    assert [("a", [4]), ("a", [7]), ("b", [5, 6])] == sorted(seen)
    assert [("a", [7]), ("b", [5, 6])] == sorted(
        (user, rows.tolist()) for user, rows in day.live.seen()
    )


async def test_lists_are_noted_erased_and_looked_at_by_three_threads_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever looks goes through what the two others change."""
    monkeypatch.setattr("service.learn.live_quality.MOST_USERS", 500)
    day, done = Day(), threading.Event()

    def note() -> None:
        for number in range(4_000):
            day.show(f"u{number % 700}", str(number), number % 60)
        done.set()

    def look() -> int:
        looks = 0
        while not done.is_set():
            assert all(1 == rows.size for _, rows in day.live.seen())
            looks += 1
        return looks

    async def erase() -> None:
        for number in itertools.cycle(range(700)):
            if done.is_set():
                return
            await day.live.on_user_updated(UserUpdated(f"u{number}", None))
            await asyncio.sleep(0)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        _, looks, _ = await asyncio.gather(
            asyncio.to_thread(note), asyncio.to_thread(look), erase()
        )
    finally:
        sys.setswitchinterval(before)

    assert looks
    assert len(day.live._users) <= 500


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.learn.live_quality.MOST_USERS", 10)
    day = Day()
    for number in range(40):
        day.show(f"u{number}", "x", 1)
        for user in list(day.live._users):
            day.show(user, f"list {number}", 1)

    assert 2 <= len(day.live._users) <= 10
    assert MOST_LISTS == max(map(len, day.live._users.values()))
    assert sum(map(len, day.live._users.values())) <= sum(day.live._lists.values())


async def test_hits_of_the_users_that_are_remembered_are_those_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One in four plays what they were shown; those who come last never do."""
    monkeypatch.setattr("service.learn.live_quality.MOST_USERS", 400)
    day = Day()
    for number in range(4_000):
        day.show(f"u{number}", str(number), 1)
        if number % 4 == 0 and number < 3_600:
            await day.play(f"u{number}", 1)

    assert 100 < len(day.live._users) <= 400
    assert sum(day.live._lists.values()) == len(day.live._users)
    share = sum(day.live._hits.values()) / sum(day.live._lists.values())
    assert 900 / 4_000 == pytest.approx(share, abs=0.05)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.lists(st.integers(0, 9), max_size=6)), max_size=20))
def test_hourly_counts_are_the_sum_of_the_last_day(steps) -> None:
    counts, hour = HourlyCounts(), 0
    every: list[tuple[int, list[int]]] = []
    for passed, rows in steps:
        hour += passed
        counts.add(hour, np.array(rows, np.int32), 8)
        every.append((hour, rows))
        kept = Counter(r for at, some in every if at > hour - HOURS for r in some if r < 8)

        assert [kept[row] for row in range(8)] == counts.total.tolist()
    assert len(counts._hours) <= HOURS
