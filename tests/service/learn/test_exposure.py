"""What is shown too much gets dearer, and is shown less, without a refit."""

from collections import Counter
from uuid import uuid4

import msgspec
import numpy as np
import pytest

from core.exposure import STEP
from service.bus import START, ExposureLogged
from service.bus.memory import MemoryStream
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.learn.changes import apply, change_of
from service.learn.exposure import Exposure
from service.learn.exposure_log import ExposureLog
from service.learn.learned import Learned
from service.learn.live_quality import LiveQuality
from service.learn.trial_log import TrialLog
from service.model.current import Current
from service.model.version import Prices
from service.recommend.ask import Ask
from service.recommend.exposure import Showing, Shown
from service.recommend.page import Page
from service.recommend.recommender import Recommender
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, model

JAZZ = [f"jazz-u{user}" for user in range(worlds.USERS_PER_TASTE)]


def showing(rows: np.ndarray) -> Showing:
    """A list of its own, whatever is on it."""
    return Showing("u1", "hybrid", uuid4().hex, rows.tobytes())


class Desk:
    """Listeners who ask again and again, and the owner of prices."""

    def __init__(self) -> None:
        self.store, self.current, self.shown = MemoryStore(), Current(lambda: NOON), Shown()
        self.current.add_tracks(worlds.tracks())
        size = self.current.catalogue.size
        free = Prices(values=np.zeros(size, np.float32), shares=np.ones(size))
        self.current.model = model(self.current.catalogue, prices=free)
        self.stream = MemoryStream()
        self.told = ExposureLog(self.current, self.stream)
        self.exposure = Exposure(
            self.shown, LiveQuality(self.current), self.told, TrialLog(self.current, self.store)
        )
        self.learned = Learned(NOON, recent=10_000)
        self.learned.rebase(self.current.model)

    async def fold(self) -> None:
        """What was shown is told, and whoever learns hears of it."""
        self.exposure.fold()
        await self.told.send()
        model = self.current.model
        assert model is not None
        for entry in await self.stream.read(self.learned.place, limit=100):
            assert isinstance(entry.fact, ExposureLogged)
            self.learned.learn_prices(entry.fact, self.current.catalogue, model)
            self.learned.place = entry.place
        apply(change_of(self.learned, whole=False, factors=False), self.current)

    async def ask(self, user_id: str, **asked) -> list[str]:
        """A list that no cache held: prices may lag behind by the life of a cached one."""
        fresh = Recommender(
            self.store,
            self.current,
            TwoLevel(1 << 22, Revs()),
            timeout_s=5.0,
            balance=1.0,
            shown=self.shown,
            clock=lambda: NOON,
        )
        ask = Ask(**asked)
        answer, _ = await fresh.for_user(user_id, ask)
        fresh.sent(user_id, ask, answer)
        page = msgspec.json.decode(answer.body, type=Page)
        return [one.track.id for one in page.recommendations]

    async def rounds(self, number: int, *, updating: bool) -> Counter[str]:
        """How often each track is shown when everybody who likes jazz asks so many times."""
        shown: Counter[str] = Counter()
        for _ in range(number):
            for user_id in JAZZ:
                shown.update(await self.ask(user_id, limit=3))
            if updating:
                await self.fold()
        return shown


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.store.append(
        [msgspec.structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())]
    )
    return made


@pytest.mark.parametrize("updating", [True, False])
async def test_what_is_shown_too_much_is_shown_less_only_while_prices_are_updated(
    desk: Desk, updating: bool
) -> None:
    """Fifteen people hear of the same few tracks; the control shows the same lists for ever."""
    before = await desk.rounds(1, updating=False)
    ((most, times),) = before.most_common(1)

    await desk.rounds(60, updating=updating)
    after = await desk.rounds(1, updating=False)

    if updating:
        assert after[most] < times
        assert len(after) > len(before)
    else:
        assert before == after


async def test_only_what_was_sent_counts_as_shown(desk: Desk) -> None:
    recommender = Recommender(
        desk.store,
        desk.current,
        TwoLevel(1 << 22, Revs()),
        timeout_s=5.0,
        shown=desk.shown,
    )
    ask = Ask(limit=4)
    answer, _ = await recommender.for_user(JAZZ[0], ask)  # made ahead: nobody has seen it
    for _ in range(2):
        recommender.sent(JAZZ[0], ask, answer)

    assert [4, 4] == [one.rows.size for one in desk.shown.take()]
    assert [] == desk.shown.take()


async def test_what_was_asked_ahead_or_had_not_changed_costs_nothing(desk: Desk) -> None:
    for way in ("prefetched", "unchanged"):
        rows = np.zeros(600, np.int32).tobytes()
        desk.shown.add(Showing("u1", "hybrid", "list", rows, way))
    await desk.fold()
    assert desk.current.prices is None

    desk.shown.add(Showing("u1", "hybrid", "list", rows))
    await desk.fold()
    assert desk.current.prices is not None


async def test_a_step_changes_no_view_that_a_request_holds(desk: Desk) -> None:
    held = desk.current.view()
    assert held.prices is not None
    before = held.prices.copy()
    await desk.rounds(1, updating=True)
    now = desk.current.view().prices

    np.testing.assert_array_equal(before, held.prices)
    assert now is not None
    assert not np.array_equal(before, now)
    assert desk.current.model is not None
    assert desk.current.model.prices is not None
    assert not desk.current.model.prices.values.any()  # the fitted ones stay as they were


async def test_prices_settle_even_where_half_the_tracks_can_never_be_shown(desk: Desk) -> None:
    """Of 372 places a round every track should have 6.2; one has 24, the others there are 12."""
    size = desk.current.catalogue.size
    reachable = np.arange(size // 2, dtype=np.int32)
    for _ in range(1_500):
        desk.shown.add(showing(np.repeat(np.append(reachable, 0), 12).astype(np.int32)))
        await desk.fold()

    assert desk.current.prices is not None
    prices = desk.current.prices.values
    np.testing.assert_allclose(12 / 6.2, prices[0] - prices[1], rtol=2 * STEP)
    np.testing.assert_allclose(prices[1], prices[1 : size // 2], rtol=1e-3)
    assert prices[0] < 4
    assert prices[size // 2 :].max() < STEP


async def test_without_prices_or_lists_nothing_happens(desk: Desk) -> None:
    await desk.fold()
    assert desk.current.prices is None
    desk.current.model = model(desk.current.catalogue)
    desk.learned.rebase(desk.current.model)
    desk.shown.add(showing(np.zeros(1, np.int32)))

    await desk.fold()

    assert desk.current.prices is None
    assert [] == desk.shown.take()  # what was shown without prices is not charged later


async def test_a_new_model_starts_from_its_own_prices(desk: Desk) -> None:
    size = desk.current.catalogue.size
    desk.shown.add(showing(np.zeros(6 * size, np.int32)))
    await desk.fold()
    dear = Prices(values=np.full(size, 2, np.float32), shares=np.ones(size))
    desk.current.model = model(desk.current.catalogue, version="v2", prices=dear)
    desk.learned.rebase(desk.current.model)
    desk.shown.add(showing(np.zeros(1, np.int32)))

    await desk.fold()

    assert desk.current.prices is not None
    assert "v2" == desk.current.prices.version
    assert desk.current.prices.values[1] < STEP  # only differences matter: the least is near 0


async def test_the_watch_counts_until_it_is_closed(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr("service.learn.exposure.EVERY_S", 0.001)
    desk.exposure.watch()
    desk.shown.add(showing(np.zeros(6, np.int32)))

    told = await desk.stream.read(START, limit=1, wait_s=20)
    await desk.exposure.close()

    assert 1 == len(told)


async def test_a_stream_with_a_bug_does_not_end_the_watch(desk: Desk, monkeypatch) -> None:
    """Whoever stopped here silently would tell nobody what is shown, for ever."""
    monkeypatch.setattr("service.learn.exposure.EVERY_S", 0.001)
    publish, calls = desk.stream.publish, list[int]()

    async def broken_at_first(events) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("a bug")
        await publish(events)

    monkeypatch.setattr(desk.stream, "publish", broken_at_first)
    desk.exposure.watch()
    desk.shown.add(showing(np.zeros(6, np.int32)))

    told = await desk.stream.read(START, limit=1, wait_s=20)
    await desk.exposure.close()

    assert 1 == len(told)
