"""Everybody is told what this process has shown: how often each list, and its tracks once."""

from collections.abc import Sequence

import numpy as np
import pytest
from structlog.testing import capture_logs

from service.bus import START, Event, ExposureLogged
from service.bus.memory import MemoryStream
from service.domain import ShownList
from service.errors import BusUnavailable
from service.learn import exposure_log as module
from service.learn.exposure import Exposure
from service.learn.exposure_log import ExposureLog
from service.learn.live_quality import LiveQuality
from service.learn.trial_log import TrialLog
from service.model.current import Current
from service.recommend.exposure import Showing, Shown
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, track

TRACKS = [track.id for track in worlds.tracks()]


class Moody(MemoryStream):
    """Takes nothing while it is down; with `forgets` it takes and does not say so."""

    down = forgets = False

    async def publish(self, events: Sequence[Event]) -> None:
        if self.down:
            raise BusUnavailable("down")
        await super().publish(events)
        if self.forgets:
            raise BusUnavailable("the answer was lost")


class Desk:
    def __init__(self) -> None:
        self.current = Current(lambda: NOON)
        self.current.add_tracks(worlds.tracks())
        self.stream, self.shown = Moody(), Shown()
        self.log = ExposureLog(self.current, self.stream, clock=lambda: NOON)

    def show(self, tag: str, rows: list[int], way: str = "shown", *, user: str = "u1") -> None:
        self.shown.add(Showing(user, "hybrid", tag, np.array(rows, np.int32).tobytes(), way))  # type: ignore[arg-type]

    async def second(self) -> list[ExposureLogged]:
        """What is on the stream after a second."""
        self.log.note(self.shown.take())
        await self.log.send()
        facts = [entry.fact for entry in await self.stream.read(START, limit=1_000)]
        return [fact for fact in facts if isinstance(fact, ExposureLogged)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_second_is_one_fact_that_keeps_the_ways_apart(desk: Desk) -> None:
    for tag, way in (
        ("a", "shown"),
        ("b", "shown"),
        ("a", "shown"),
        ("a", "unchanged"),
        ("c", "prefetched"),
    ):
        desk.show(tag, [2, 0], way, user=f"user of {tag}")

    (fact,) = await desk.second()

    assert (NOON, {"a": 2, "b": 1}, {"c": 1}, {"a": 1}) == (
        fact.at,
        fact.shown,
        fact.prefetched,
        fact.unchanged,
    )
    assert [
        ShownList(f"user of {tag}", tag, [TRACKS[2], TRACKS[0]], [1.0, 1.0]) for tag in "abc"
    ] == fact.made


async def test_the_tracks_of_a_list_are_told_once(desk: Desk) -> None:
    desk.show("a", [0])
    await desk.second()
    desk.show("a", [0])
    desk.show("b", [])
    desk.show("b", [])

    _, second = await desk.second()

    assert ({"a": 1, "b": 2}, ["b"]) == (second.shown, [one.list_id for one in second.made])


async def test_with_nothing_shown_no_fact_is_sent(desk: Desk) -> None:
    assert [] == await desk.second()


async def test_what_the_stream_does_not_take_is_told_later_under_the_same_id(desk: Desk) -> None:
    desk.stream.down = True
    desk.show("a", [0])
    with capture_logs() as logs:
        assert [] == await desk.second()
        desk.stream.down, desk.stream.forgets = False, True
        (first,) = await desk.second()
    desk.stream.forgets = False
    desk.show("b", [1])

    told = await desk.second()

    assert ["what was shown has to wait"] * 2 == [log["event"] for log in logs]
    assert [first, first] == told[:2]
    assert ({"b": 1}, 2) == (told[2].shown, len({fact.batch_id for fact in told}))


async def test_what_waits_for_the_stream_takes_bounded_memory(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNSENT", 3)
    desk.stream.down = True
    with capture_logs():
        for second in range(5):
            desk.show(f"{second}", [0])
            await desk.second()
    desk.stream.down = False

    assert [{"2": 1}, {"3": 1}, {"4": 1}] == [fact.shown for fact in await desk.second()]


async def test_a_second_in_which_much_is_shown_is_several_facts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SHOWINGS", 10)
    for number in range(25):
        desk.show(f"{number}", [0])

    assert [10, 10, 5] == [len(fact.made) for fact in await desk.second()]


async def test_lists_told_long_ago_are_forgotten_and_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_TOLD", 2)
    desk = Desk()
    for tag in "abca":
        desk.show(tag, [0])
        told = await desk.second()

    assert [["a"], ["b"], ["c"], ["a"]] == [[one.list_id for one in fact.made] for fact in told]


async def test_a_list_with_tracks_this_process_has_not_heard_of_is_told_when_it_has(
    desk: Desk,
) -> None:
    """It came out of the shared cache, made by a process that is ahead."""
    row = desk.current.catalogue.size
    desk.show("a", [row])
    assert [[]] == [fact.made for fact in await desk.second()]
    desk.current.add_tracks([track("new")])
    desk.show("a", [row])

    assert [[], [["new"]]] == [[one.track_ids for one in fact.made] for fact in await desk.second()]


async def test_the_last_second_is_told_at_the_end(desk: Desk) -> None:
    exposure = Exposure(
        desk.shown, LiveQuality(desk.current), desk.log, TrialLog(desk.current, MemoryStore())
    )
    exposure.watch()
    desk.show("a", [0])
    await exposure.close()

    assert [{"a": 1}] == [fact.shown for fact in await desk.second()]
