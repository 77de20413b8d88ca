"""Sums out of a store: everybody once, in the arm of their first list, however they are read."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from service.domain import Experiment, Listen, ShownList, Track, Variant
from service.experiments import gathering as module
from service.experiments.gathering import MOST_CUTS, Gathered, cut_times, gather, look_at
from service.experiments.metrics import METRICS
from service.experiments.sums import NOTHING
from service.model.catalogue import empty_catalogue
from service.store.memory import MemoryStore

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOW = START + 3 * DAY + MINUTE
TRACKS = [
    Track(id=f"t{n}", title=f"Song {n}", artist=f"Artist {n}", duration_ms=200_000)
    for n in range(6)
]
CATALOGUE = empty_catalogue().with_tracks(TRACKS)
EXPERIMENT = Experiment(
    name="one",
    variants=(Variant(name="control"), Variant(name="new")),
    status="running",
    starts=START,
    rev=2,
)


def shown(
    user: str, arm: str, *, at: timedelta = MINUTE, name: str = "one", tracks: str = "t0 t1"
) -> ShownList:
    ids = tracks.split()
    return ShownList(user, f"{user}-{at}", ids, [1.0] * len(ids), {name: arm}, START + at, 4.5)


def played(user: str, track: str, at: timedelta, **more: Any) -> Listen:
    given: dict[str, Any] = {"id": f"{at}", "ms_played": 200_000}
    return Listen(user_id=user, track_id=track, at=START + at, **(given | more))


async def filled(lists: Iterable[ShownList], listens: Iterable[Listen] = ()) -> MemoryStore:
    store = MemoryStore()
    for one in lists:
        await store.put_shown([one])
    for listen in listens:
        await store.append([listen])
    return store


def many() -> tuple[list[ShownList], list[Listen]]:
    """Sixty users with one to four lists and some listens before and after; a few move."""
    draw = random.Random(3)
    lists, listens = list[ShownList](), list[Listen]()
    for n in range(60):
        user, arm = f"u{n:02}", draw.choice(["control", "new"])
        for _ in range(draw.randint(1, 4)):
            at = timedelta(minutes=draw.randint(1, 4_000))
            lists.append(shown(user, arm if draw.random() < 0.9 else "control", at=at))
            lists.append(shown(user, "x", at=at + MINUTE, name="another"))
        for _ in range(draw.randint(0, 30)):
            at = timedelta(minutes=draw.randint(-20_000, 4_300))
            action: Any = draw.choice(["play", "play", "skip"])
            listens.append(played(user, f"t{draw.randrange(6)}", at, action=action))
    return lists, listens


def same(one: Gathered, other: Gathered) -> bool:
    """Sums of floats may differ in the last digit when they are added in another order."""
    return (
        [at for at, _ in one.cuts] == [at for at, _ in other.cuts]
        and all(
            mine.n == theirs.n
            and np.allclose(structs.astuple(mine), structs.astuple(theirs), rtol=1e-12)
            for (_, first), (_, second) in zip(one.cuts, other.cuts, strict=True)
            for name in METRICS
            for mine, theirs in zip(first[name], second[name], strict=True)
        )
        and np.array_equal(one.shown, other.shown)
    )


async def test_whoever_moved_counts_where_they_began() -> None:
    lists = [shown("moved", "new", at=DAY), shown("moved", "control"), shown("stayed", "new")]
    listens = [played("moved", "t0", 2 * DAY), played("stayed", "t1", 2 * DAY)]
    found = await gather(await filled(lists, listens), CATALOGUE, EXPERIMENT, now=NOW)

    _, tally = found.cuts[-1]
    assert [(1, 1), (1, 1)] == [(one.n, one.y) for one in tally["plays"]]
    assert [2, 1] == [one.z for one in tally["click_through"]]  # lists of each arm's users


async def test_lists_of_other_experiments_are_nobodys_business() -> None:
    of_another = shown("u", "new", name="another")
    found = await gather(await filled([of_another]), CATALOGUE, EXPERIMENT, now=NOW)
    same_arm = await gather(await filled([shown("u", "new")]), CATALOGUE, EXPERIMENT, now=NOW)

    assert [0, 0] == [one.n for one in found.cuts[-1][1]["sessions"]]
    assert [0, 1] == [one.n for one in same_arm.cuts[-1][1]["sessions"]]  # the control
    assert [0, 2] == [int(one.sum()) for one in same_arm.shown]


async def test_a_variant_that_nobody_knows_is_in_no_arm() -> None:
    lists = [shown("u", "gone"), shown("v", "new")]
    found = await gather(await filled(lists), CATALOGUE, EXPERIMENT, now=NOW)

    assert [0, 1] == [one.n for one in found.cuts[-1][1]["sessions"]]


async def test_lists_before_the_start_and_after_the_end_are_left_out() -> None:
    late = shown("late", "new", at=2 * DAY)
    store = await filled([shown("early", "new", at=-MINUTE), shown("u", "new"), late])
    ended = structs.replace(EXPERIMENT, ends=START + DAY)

    for experiment, users in ((EXPERIMENT, 2), (ended, 1)):
        found = await gather(store, CATALOGUE, experiment, now=NOW)
        assert users == found.cuts[-1][1]["sessions"][1].n


async def test_what_is_done_counts_from_its_day_on() -> None:
    listens = [played("u", "t0", at) for at in (-DAY, 2 * MINUTE, 1.5 * DAY, 3.5 * DAY)]
    found = await gather(await filled([shown("u", "new")], listens), CATALOGUE, EXPERIMENT, now=NOW)

    plays = [tally["plays"][1] for _, tally in found.cuts]
    assert [START + DAY, START + 2 * DAY, START + 3 * DAY, NOW] == [at for at, _ in found.cuts]
    assert [1, 2, 2, 2] == [one.y for one in plays]
    assert [1, 1, 1, 1] == [one.x for one in plays]


@pytest.mark.parametrize("at_once", [1, 7, 59])
async def test_batches_add_up_to_the_whole_and_cut_nobody(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await filled(*many())
    whole = await gather(store, CATALOGUE, EXPERIMENT, now=NOW)
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    read = store.shown
    monkeypatch.setattr(store, "shown", lambda since, until: read(since, until=until, batch=3))
    sizes, users = list[int](), list[str]()
    async for held in module._users(store, EXPERIMENT, until=NOW):
        sizes.append(len(held))
        users += held

    assert [at_once] * (len(sizes) - 1) == sizes[:-1]
    assert [f"u{n:02}" for n in range(60)] == users
    assert same(whole, await gather(store, CATALOGUE, EXPERIMENT, now=NOW))
    assert 60 == sum(one.n for one in whole.cuts[-1][1]["sessions"])


async def test_the_order_of_arrival_and_a_restart_change_nothing() -> None:
    lists, listens = many()
    first = await gather(await filled(lists, listens), CATALOGUE, EXPERIMENT, now=NOW)
    draw = random.Random(5)
    draw.shuffle(lists)
    draw.shuffle(listens)
    store = await filled([*lists, *lists], [*listens, *listens])  # some of it came twice
    once, again = [await gather(store, CATALOGUE, EXPERIMENT, now=NOW) for _ in range(2)]

    assert same(first, once)
    assert same(once, again)
    del store._shown["u07"]
    assert not same(first, await gather(store, CATALOGUE, EXPERIMENT, now=NOW))  # the control


async def test_tracks_are_counted_in_the_arm_that_showed_them() -> None:
    lists = [
        shown("u", "control", tracks="t0 t1"),
        shown("u", "new", at=DAY, tracks="t1 t2"),
        shown("v", "new", tracks="t2 t5 unknown"),
        shown("w", "gone", tracks="t3"),
    ]
    found = await gather(await filled(lists), CATALOGUE, EXPERIMENT, now=NOW)

    assert [[1, 1, 0, 0, 0, 0], [0, 1, 2, 0, 0, 1]] == [one.tolist() for one in found.shown]


@pytest.mark.parametrize("starts", [None, START, NOW + DAY])
async def test_with_nothing_shown_there_is_a_report_without_comparisons(starts) -> None:
    experiment = structs.replace(EXPERIMENT, starts=starts)
    found = await gather(MemoryStore(), CATALOGUE, experiment, now=NOW)
    report = await look_at(MemoryStore(), CATALOGUE, experiment, now=NOW)

    assert {name: [NOTHING] * 2 for name in METRICS} == found.cuts[-1][1]
    assert [[0] * 6] * 2 == [one.tolist() for one in found.shown]
    assert ([], "ok", NOW) == (report.comparisons, report.allocation_check.verdict, report.as_of)
    assert [(0, 0, 0.0, None)] * 2 == [
        (one.users, one.lists, one.coverage, one.gini) for one in report.arms
    ]


async def test_a_report_says_who_came_and_what_they_were_shown() -> None:
    report = await look_at(await filled(*many()), CATALOGUE, EXPERIMENT, now=NOW)

    assert 60 == sum(one.users for one in report.arms)
    assert {"plays", "skip_rate"} <= {one.metric for one in report.comparisons}
    assert [0.3333, 0.3333] == [one.coverage for one in report.arms]
    assert 4 == len(report.days)


@pytest.mark.parametrize(
    "starts, ends, now, cuts",
    [
        (None, None, 0 * DAY, [0 * DAY]),
        (1 * DAY, None, 0 * DAY, [0 * DAY]),
        (0 * DAY, None, 0 * DAY, [0 * DAY]),
        (0 * DAY, None, 0.5 * DAY, [0.5 * DAY]),
        (0 * DAY, None, 3 * DAY, [1 * DAY, 2 * DAY, 3 * DAY]),
        (0 * DAY, None, 3.5 * DAY, [1 * DAY, 2 * DAY, 3 * DAY, 3.5 * DAY]),
        (0 * DAY, 2 * DAY, 9 * DAY, [1 * DAY, 2 * DAY]),
        (0 * DAY, 9 * DAY, 2 * DAY, [1 * DAY, 2 * DAY]),
    ],
)
def test_a_look_at_every_day_and_at_the_end(starts, ends, now, cuts) -> None:
    experiment = structs.replace(
        EXPERIMENT,
        starts=None if starts is None else START + starts,
        ends=None if ends is None else START + ends,
    )

    assert [START + cut for cut in cuts] == cut_times(experiment, START + now)


@pytest.mark.parametrize("days, step", [(30, 1), (31, 2), (100, 4), (1_000, 34)])
def test_a_long_experiment_is_looked_at_in_longer_steps(days: int, step: int) -> None:
    now = START + days * DAY + MINUTE
    cuts = cut_times(EXPERIMENT, now)

    assert len(cuts) <= MOST_CUTS + 1
    assert now == cuts[-1]
    assert {step * DAY} == {later - sooner for sooner, later in pairwise(cuts[:-1])}
    assert START + step * DAY == cuts[0]
