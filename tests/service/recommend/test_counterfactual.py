"""What another configuration would have earned: known where the log knows, and thin where not."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from service.domain import EPOCH, Experiment, Listen, ShownList, User, Value, Variant
from service.errors import Invalid
from service.experiments.assignment import claim
from service.experiments.running import Running
from service.learn.trial_log import TrialLog
from service.recommend.ask import Ask
from service.recommend.counterfactual import DAY, Estimate, _chances, estimate
from service.recommend.exposure import Shown
from service.recommend.tuning import tuning_of
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON
from tests.service.recommend.desk import Desk

LIMIT = 8
OTHER: dict[str, Value] = {"strategies": "trending"}
USERS = sorted({one.user_id for one in worlds.listens()})


async def showed(**settings: Value) -> Desk:
    """A desk that has shown everybody one list made with these settings, and kept it."""
    store, shown = MemoryStore(), Shown()
    earlier = NOON - worlds.YESTERDAY - timedelta(days=1)
    before = [
        structs.replace(one, id=f"{n}", at=one.at + earlier)
        for n, one in enumerate(worlds.listens())
    ]
    await store.append(before)
    variants = tuple(Variant(name=name, settings=settings) for name in ("control", "same"))
    running = Running(store)
    experiment = Experiment(name="one", variants=variants, status="running", allocation=1.0)
    running.replace([claim(experiment, [])])
    desk = Desk(store, running=running, shown=shown)
    for user in USERS:
        answer, _ = await desk.recommender.for_user(user, Ask(limit=LIMIT))
        desk.recommender.sent(user, Ask(limit=LIMIT), answer)
    log = TrialLog(desk.current, store)
    log.note(shown.take())
    await log.send()
    for one in await lists(desk):
        places = [n for n, track_id in enumerate(one.track_ids) if liked(track_id)]
        await store.append([played(one, place) for place in places])
    return desk


def liked(track_id: str) -> bool:
    """What everybody in this world plays when it is on their list."""
    return int(track_id[-2:]) % 3 == 0


def played(shown: ShownList, place: int, **more: Any) -> Listen:
    given: dict[str, Any] = {
        "user_id": shown.user_id,
        "track_id": shown.track_ids[place],
        "at": shown.at + timedelta(minutes=place + 1),
        "id": f"{shown.list_id}-{place}",
        "list_id": shown.list_id,
        "ms_played": 200_000,
    }
    return Listen(**(given | more))


async def lists(desk: Desk) -> list[ShownList]:
    return [one async for batch in desk.store.shown(EPOCH) for one in batch]


async def of(desk: Desk, settings: dict[str, Value]) -> Estimate:
    return await estimate(desk.store, desk.current.view(), settings, await lists(desk), balance=0.0)


async def test_its_own_lists_are_known_to_the_last_place() -> None:
    desk = await showed()
    found = await of(desk, {})

    share = [liked(track_id) for one in await lists(desk) for track_id in one.track_ids]
    assert (len(USERS), len(USERS) * LIMIT) == (found.lists, found.places)
    assert 1.0 == found.covered
    assert sum(share) / len(share) == found.shown == pytest.approx(found.other.snips.mean)
    assert found.shown == pytest.approx(found.other.ips.mean)
    assert found.places == pytest.approx(found.other.effective)
    assert not found.thin


async def test_of_very_different_lists_a_log_without_chance_knows_too_little() -> None:
    found = await of(await showed(), OTHER)

    assert found.thin
    assert found.covered < 0.2


@pytest.mark.parametrize("settings", [OTHER, {"strategies": "content"}])
async def test_with_places_drawn_by_lot_the_log_covers_more(settings: dict[str, Value]) -> None:
    covered = [(await of(await showed(explored=places), settings)).covered for places in (0, 2, 4)]

    assert covered[0] < covered[1] <= covered[2] <= 1.0


@pytest.mark.parametrize("settings", [{}, {"explored": 2.0}, {"strategies": "content"}])
async def test_the_truth_lies_within_the_interval_where_chance_has_covered_it(
    settings: dict[str, Value],
) -> None:
    log = await showed(explored=4)
    found, truth = await of(log, settings), await earned(settings)

    assert found.covered > 0.95
    assert found.other.ips.low < truth < found.other.ips.high
    assert found.other.snips.low < truth < found.other.snips.high


async def earned(settings: dict[str, Value]) -> float:
    """What these settings earn in this world, of lists that are really made with them."""
    made = [track_id for one in await lists(await showed(**settings)) for track_id in one.track_ids]
    return sum(map(liked, made)) / len(made)


async def test_how_likely_each_track_is_adds_up_to_a_list() -> None:
    desk = await showed(explored=4)
    for one in (await lists(desk))[:5]:
        user = User(id=one.user_id)
        options = {"balance": 0.0}
        wanted = tuning_of({"explored": 4.0})
        again = await _chances(desk.store, desk.current.view(), user, one, wanted, **options)

        assert LIMIT == pytest.approx(sum(again.values()))
        assert one.propensities == pytest.approx([again[track] for track in one.track_ids])


@pytest.mark.parametrize(
    "more, counts",
    [
        ({}, True),
        ({"at": NOON + DAY}, True),
        ({"at": NOON + DAY + timedelta(milliseconds=1)}, False),
        ({"at": NOON - timedelta(milliseconds=1)}, False),
        ({"ms_played": 29_999}, False),
        ({"list_id": "another"}, False),
        ({"action": "skip"}, False),
        ({"user_id": "folk-u1"}, False),
    ],
)
async def test_a_play_is_of_the_list_for_half_a_minute_and_within_a_day(more, counts) -> None:
    desk = await showed()
    (mine,) = [one for one in await lists(desk) if one.user_id == "jazz-u0"]
    place = next(n for n, track_id in enumerate(mine.track_ids) if not liked(track_id))
    before = await of(desk, {})
    await desk.store.append([played(mine, place, **(more | {"id": "new"}))])
    after = await of(desk, {})

    assert counts == pytest.approx((after.shown - before.shown) * after.places)


async def test_what_was_listened_to_afterwards_changes_no_list() -> None:
    desk = await showed()
    for one in await lists(desk):
        await desk.store.append([played(one, place, list_id="x") for place in range(LIMIT)])

    assert 1.0 == (await of(desk, {})).covered


async def test_lists_of_somebody_who_is_gone_are_those_of_a_stranger() -> None:
    desk = await showed()
    kept = await lists(desk)
    await desk.store.delete_user("jazz-u0")

    found = await estimate(desk.store, desk.current.view(), {}, kept, balance=0.0)
    assert len(kept) == found.lists
    assert found.covered < 1.0


async def test_it_says_how_far_it_is() -> None:
    desk, told = await showed(), list[float]()
    kept = await lists(desk)
    await estimate(desk.store, desk.current.view(), {}, kept[:4], balance=0.0, progress=told.append)

    assert [0.25, 0.5, 0.75, 1.0] == told


async def test_a_setting_that_nobody_reads_is_refused() -> None:
    desk = await showed()

    with pytest.raises(Invalid, match="volume"):
        await of(desk, {"volume": 11.0})


async def test_of_no_lists_nothing_is_said() -> None:
    desk = Desk(MemoryStore())

    with pytest.raises(Invalid, match="no list was shown"):
        await of(desk, {})
