"""Lists of an experiment are kept once each, wait for the store, and go with an erased user."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from service.bus import UserUpdated
from service.domain import EPOCH, ShownList
from service.errors import StoreUnavailable
from service.learn import trial_log as module
from service.learn.trial_log import TrialLog
from service.model.current import Current
from service.recommend.exposure import Showing, Way
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, track

TRACKS = [track.id for track in worlds.tracks()]
NEW = {"one": "new"}


class Moody(MemoryStore):
    """Takes no lists while it is down; `meanwhile` happens while it takes some."""

    down = False
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def put_shown(self, lists: Sequence[ShownList]) -> int:
        if self.down:
            raise StoreUnavailable("down")
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().put_shown(lists)


class Desk:
    def __init__(self) -> None:
        self.current = Current(lambda: NOON)
        self.current.add_tracks(worlds.tracks())
        self.store = Moody()
        self.log = TrialLog(self.current, self.store)

    def show(
        self,
        tag: str,
        *,
        user: str = "u1",
        way: Way = "shown",
        variants: Mapping[str, str] = NEW,
        rows: Sequence[int] = (2, 0),
        chances: Sequence[float] = (),
        at: datetime = NOON,
        took_s: float = 0.0,
    ) -> None:
        packed = np.array(rows, np.int32).tobytes()
        drawn = np.array(chances, np.float32).tobytes()
        made = Showing(user, "hybrid", tag, packed, way, drawn, variants, at, took_s)
        self.log.note([made])

    async def kept(self) -> list[ShownList]:
        """What is in the store after a second."""
        with capture_logs():
            await self.log.send()
        return [one async for batch in self.store.shown(EPOCH) for one in batch]

    async def tags(self) -> list[tuple[str, str]]:
        return [(one.user_id, one.list_id) for one in await self.kept()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_only_lists_of_somebody_in_an_experiment_are_kept(desk: Desk) -> None:
    desk.show("a", user="in one")
    desk.show("b", user="in none", variants={})

    assert [("in one", "a")] == await desk.tags()


async def test_what_made_a_list_arrives_as_it_was(desk: Desk) -> None:
    at = NOON + timedelta(milliseconds=123)
    desk.show(
        "a",
        rows=[3, 1, 2],
        chances=[1.0, 0.5, 0.25],
        variants={"one": "new", "two.b": "control"},
        at=at,
        took_s=0.0042,
    )

    expected = ShownList(
        user_id="u1",
        list_id="a",
        track_ids=[TRACKS[3], TRACKS[1], TRACKS[2]],
        propensities=[1.0, 0.5, 0.25],
        variants={"one": "new", "two.b": "control"},
        at=at,
        took_ms=4.2,
    )
    assert [expected] == await desk.kept()


async def test_without_a_lot_every_place_was_certain(desk: Desk) -> None:
    desk.show("a", rows=[4, 5])

    assert [[1.0, 1.0]] == [one.propensities for one in await desk.kept()]


async def test_what_was_only_made_ahead_is_kept_when_it_is_looked_at(desk: Desk) -> None:
    desk.show("a", way="prefetched", at=NOON - timedelta(hours=1))
    assert [] == await desk.tags()
    desk.show("a", at=NOON)

    assert [("a", NOON)] == [(one.list_id, one.at) for one in await desk.kept()]


async def test_the_same_list_is_kept_once_and_as_it_was_first(desk: Desk) -> None:
    desk.show("a", took_s=0.004)
    await desk.kept()
    desk.show("a", way="unchanged", at=NOON + timedelta(minutes=1), took_s=0.001)
    desk.show("a", user="u2")

    assert not desk.log._seen.keys() - {("u1", "a"), ("u2", "a")}
    assert [("u1", NOON, 4.0), ("u2", NOON, 0.0)] == [
        (one.user_id, one.at, one.took_ms) for one in await desk.kept()
    ]


async def test_a_list_that_comes_again_does_not_wait_again(desk: Desk) -> None:
    for _ in range(3):
        desk.show("a")

    assert 1 == len(desk.log._waiting)


async def test_a_list_with_tracks_this_process_has_not_heard_of_is_kept_when_it_has(
    desk: Desk,
) -> None:
    row = desk.current.catalogue.size
    desk.show("a", rows=[row])
    assert [] == await desk.kept()
    desk.current.add_tracks([track("new")])
    desk.show("a", rows=[row])

    assert [["new"]] == [one.track_ids for one in await desk.kept()]


async def test_what_the_store_does_not_take_is_kept_the_next_time(desk: Desk) -> None:
    desk.store.down = True
    desk.show("a")
    with capture_logs() as logs:
        await desk.log.send()
    assert [] == await desk.tags()
    desk.show("b")
    desk.store.down = False

    assert [("u1", "a"), ("u1", "b")] == await desk.tags()
    assert ["lists of experiments have to wait"] == [log["event"] for log in logs]
    assert not desk.log._waiting


async def test_many_are_sent_some_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 10)
    for number in range(25):
        desk.show(f"{number:02}")

    assert [("u1", f"{number:02}") for number in range(25)] == await desk.tags()
    assert not desk.log._waiting


async def test_of_an_erased_user_nothing_is_kept(desk: Desk) -> None:
    for erased in ("u1", "another"):
        desk.show("a", user="u1")
        await desk.log.on_user_updated(UserUpdated(erased, None, "erased"))

        waiting = [one.user_id for one in desk.log._waiting]
        assert ([] if erased == "u1" else ["u1"]) == waiting
        desk.log = TrialLog(desk.current, desk.store)


async def test_what_an_erased_user_saw_in_the_last_second_is_not_kept_either(desk: Desk) -> None:
    for erased in ("u1", "another"):
        log = TrialLog(desk.current, desk.store)
        await log.on_user_updated(UserUpdated(erased, None, "erased"))
        desk.log = log
        desk.show("a", user="u1")

        assert ([] if erased == "u1" else [("u1", "a")]) == await desk.tags()


async def test_whoever_was_erased_and_comes_back_is_kept_again(desk: Desk) -> None:
    await desk.log.on_user_updated(UserUpdated("u1", None, "erased"))
    desk.log.note([])
    desk.show("b")

    assert [("u1", "b")] == await desk.tags()


async def test_a_user_who_changed_something_is_not_erased(desk: Desk) -> None:
    desk.show("a")
    await desk.log.on_user_updated(UserUpdated("u1", 3, "settings"))

    assert [("u1", "a")] == await desk.tags()


async def test_erasing_somebody_while_the_store_is_busy_loses_nobody_elses_lists(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    for tag in "abc":
        desk.show(tag, user="gone")
    for tag in "def":
        desk.show(tag, user="stays")
    desk.store.meanwhile = lambda: desk.log.on_user_updated(UserUpdated("gone", None, "erased"))

    kept = [tag for user, tag in await desk.tags() if user == "stays"]
    assert ["d", "e", "f"] == kept


async def test_what_waits_takes_bounded_memory_and_the_newest_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    with capture_logs() as logs:
        for tag in "abcde":
            desk.show(tag)

    assert [("u1", tag) for tag in "cde"] == await desk.tags()
    assert [("error", "lists of experiments are forgotten: the store does not take them")] * 2 == [
        (log["log_level"], log["event"]) for log in logs
    ]


async def test_what_is_remembered_as_kept_is_bounded_and_the_store_knows_the_rest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    for tag in "abca":
        desk.show(tag)

    assert 2 == len(desk.log._seen)
    assert [("u1", tag) for tag in "abc"] == await desk.tags()
