"""What may follow what, and two who change experiments at the same time."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from service.domain import Experiment, Guardrail, Variant
from service.errors import Conflict, Invalid, UnknownExperiment
from service.experiments import lifecycle
from service.experiments.assignment import BUCKETS, assign
from service.experiments.lifecycle import Change, Draft
from service.recommend.tuning import tuning_of
from service.store.memory import MemoryStore

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
CONTROL = Variant(name="control")
TWO = (CONTROL, Variant(name="new", settings={"balance": 0.5}))
THREE = (*TWO, Variant(name="bold", settings={"balance": 1.0}))
USERS = [f"user{number}" for number in range(500)]

Step = Callable[[MemoryStore], Awaitable[Experiment]]
STEPS: dict[str, Step] = {
    "start": lambda store: lifecycle.start(store, "one", now=NOW),
    "stop": lambda store: lifecycle.stop(store, "one", now=NOW),
    "archive": lambda store: lifecycle.archive(store, "one"),
    "change": lambda store: lifecycle.change(store, "one", Change(allocation=0.6)),
    "halt": lambda store: lifecycle.halt(store, "one", "new", why="hurts", now=NOW),
}
BECOMES = {
    ("draft", "start"): "running",
    ("draft", "archive"): "archived",
    ("draft", "change"): "draft",
    ("running", "stop"): "stopped",
    ("running", "change"): "running",
    ("running", "halt"): "stopped",
    ("stopped", "start"): "running",
    ("stopped", "archive"): "archived",
    ("stopped", "change"): "stopped",
}
"""What is not here is a conflict."""


async def created(store: MemoryStore, name: str = "one", **more: Any) -> Experiment:
    given: dict[str, Any] = {"variants": TWO, "allocation": 0.5}
    return await lifecycle.create(store, Draft(name=name, **(given | more)), tuning_of)


async def started(store: MemoryStore, name: str = "one", **more: Any) -> Experiment:
    await created(store, name, **more)
    return await lifecycle.start(store, name, now=NOW)


def held(experiment: Experiment) -> int:
    return sum(last - first for first, last in experiment.buckets)


def arms(experiment: Experiment, at: datetime = NOW) -> set[str | None]:
    found = [assign(experiment, user, {}, at) for user in USERS]
    return {None if one is None else one.name for one in found}


@pytest.mark.parametrize("status", ["draft", "running", "stopped", "archived"])
@pytest.mark.parametrize("verb", list(STEPS))
async def test_what_may_follow_what(status: str, verb: str) -> None:
    store = MemoryStore()
    draft = await created(store)
    await store.put_experiment(structs.replace(draft, status=status), expected_rev=1)

    wanted = BECOMES.get((status, verb))
    if wanted is None:
        with pytest.raises(Conflict, match=rf"one is {status}: there is nothing to {verb}"):
            await STEPS[verb](store)
    else:
        assert wanted == (await STEPS[verb](store)).status
    stored = await store.experiment("one")
    assert stored is not None
    assert (wanted or status, 3 if wanted else 2) == (stored.status, stored.rev)


@pytest.mark.parametrize("verb", list(STEPS))
async def test_nothing_happens_to_what_nobody_created(verb: str) -> None:
    with pytest.raises(UnknownExperiment, match="'one'"):
        await STEPS[verb](MemoryStore())


async def test_starting_takes_buckets_and_says_since_when() -> None:
    store = MemoryStore()
    draft = await created(store)
    running = await lifecycle.start(store, "one", now=NOW)

    assert ((), None) == (draft.buckets, draft.starts)
    assert (BUCKETS // 2, NOW) == (held(running), running.starts)
    assert {None, "control", "new"} == arms(running)
    assert running == await store.experiment("one")


async def test_a_start_to_come_stays_to_come() -> None:
    running = await started(MemoryStore(), starts=LATER)

    assert LATER == running.starts
    assert {None} == arms(running)
    assert {None, "control", "new"} == arms(running, LATER)


async def test_starting_again_keeps_the_first_start_and_everybody_where_they_were() -> None:
    store = MemoryStore()
    first = await started(store)
    stopped = await lifecycle.stop(store, "one", now=LATER)
    again = await lifecycle.start(store, "one", now=LATER)

    assert ("stopped", LATER) == (stopped.status, stopped.ends)
    assert (NOW, None, first.buckets) == (again.starts, again.ends, again.buckets)
    for user in USERS:
        assert assign(first, user, {}, NOW) == assign(again, user, {}, LATER)


async def test_starting_again_keeps_an_end_that_is_still_to_come() -> None:
    store, end = MemoryStore(), LATER + timedelta(days=1)
    await started(store)
    await lifecycle.stop(store, "one", now=NOW)
    await lifecycle.change(store, "one", Change(ends=end))

    assert end == (await lifecycle.start(store, "one", now=LATER)).ends


async def test_starting_again_in_vain_leaves_it_as_it_was() -> None:
    store = MemoryStore()
    await started(store)
    stopped = await lifecycle.stop(store, "one", now=LATER)
    await started(store, "two")

    with pytest.raises(Conflict, match="two runs and sets balance too"):
        await lifecycle.start(store, "one", now=LATER)
    assert stopped == await store.experiment("one")


async def test_what_was_to_end_by_now_is_not_started() -> None:
    store = MemoryStore()
    await created(store, ends=LATER)

    with pytest.raises(Conflict, match="was to end at 2026-11-04"):
        await lifecycle.start(store, "one", now=LATER)
    assert (await lifecycle.start(store, "one", now=NOW)).status == "running"  # the control


async def test_stopping_what_ended_by_itself_leaves_its_end_where_it_was() -> None:
    for verb in (lifecycle.stop, lifecycle.halt):
        store = MemoryStore()
        await started(store, ends=LATER)
        more: dict[str, Any] = {"variant": "new", "why": "x"} if verb is lifecycle.halt else {}
        late = await verb(store, "one", now=LATER + timedelta(days=9), **more)

        assert ("stopped", LATER) == (late.status, late.ends)


async def test_two_that_set_the_same_share_one_layer_or_do_not_run_together() -> None:
    together, apart = MemoryStore(), MemoryStore()
    for store, layer in ((together, "ranking"), (apart, None)):
        await started(store, layer=layer)
        await created(store, "two", layer=layer)

    with pytest.raises(Conflict, match="one runs and sets balance too"):
        await lifecycle.start(apart, "two", now=NOW)
    two = await lifecycle.start(together, "two", now=NOW)
    one = await together.experiment("one")
    assert one is not None
    for user in USERS:
        assert None in (assign(one, user, {}, NOW), assign(two, user, {}, NOW))


async def test_what_sets_something_else_runs_in_a_layer_of_its_own() -> None:
    store = MemoryStore()
    await started(store, layer="ranking")
    flow = (CONTROL, Variant(name="flow", settings={"flow": "always"}))

    assert "running" == (await started(store, "two", variants=flow)).status


async def test_it_grows_and_never_shrinks() -> None:
    store = MemoryStore()
    small = await started(store, allocation=0.2)
    large = await lifecycle.change(store, "one", Change(allocation=0.4))

    assert (2_000, 4_000) == (held(small), held(large))
    for user in USERS:
        assert assign(small, user, {}, NOW) in (None, assign(large, user, {}, NOW))
    with pytest.raises(Conflict, match=r"40\.00%"):
        await lifecycle.change(store, "one", Change(allocation=0.3))
    await lifecycle.stop(store, "one", now=LATER)
    with pytest.raises(Conflict, match=r"40\.00%"):  # it could never be started again
        await lifecycle.change(store, "one", Change(allocation=0.3))
    assert large.buckets == (await store.experiments())[0].buckets


async def test_a_draft_may_become_smaller() -> None:
    store = MemoryStore()
    await created(store)
    changed = await lifecycle.change(store, "one", Change(allocation=0.1))

    assert (0.1, ()) == (changed.allocation, changed.buckets)


async def test_a_change_leaves_what_it_does_not_name() -> None:
    store = MemoryStore()
    guardrails = (Guardrail(metric="skip_rate", most_loss=0.1),)
    before = await started(store, ends=LATER, guardrails=guardrails)
    after = await lifecycle.change(store, "one", Change(overrides={"me": "new"}))

    assert structs.replace(before, overrides={"me": "new"}, rev=3) == after
    with pytest.raises(Invalid, match="overrides name no variant: bolt"):
        await lifecycle.change(store, "one", Change(overrides={"me": "bolt"}))


async def test_halting_one_of_two_variants_leaves_the_other_running() -> None:
    store = MemoryStore()
    before = await started(store, variants=THREE, allocation=1.0)
    one_left = await lifecycle.halt(store, "one", "new", why="skips", now=LATER)

    assert ("running", None, {"new": "skips"}) == (one_left.status, one_left.ends, one_left.halted)
    for user in USERS:
        was = assign(before, user, {}, NOW)
        assert (None if was == THREE[1] else was) == assign(one_left, user, {}, NOW)


async def test_halting_the_last_variant_stops_it_for_everybody() -> None:
    store = MemoryStore()
    before = await started(store, variants=THREE, allocation=1.0, overrides={"me": "bold"})
    await lifecycle.halt(store, "one", "new", why="skips", now=NOW)
    over = await lifecycle.halt(store, "one", "bold", why="slow", now=LATER)

    assert ("stopped", LATER) == (over.status, over.ends)
    assert {"new": "skips", "bold": "slow"} == over.halted
    assert {"control", "new", "bold"} == arms(before)
    assert {None} == arms(over)
    assert assign(over, "me", {}, NOW) is None


@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"variants": (CONTROL, CONTROL)}, "two variants have one name"),
        ({"audience": {"gender": "x"}}, "not by gender"),
        ({"guardrails": (Guardrail(metric="joy", most_loss=0),)}, "no metric is called joy"),
        ({"starts": LATER, "ends": NOW}, "end before it starts"),
        ({"variants": (CONTROL, Variant(name="x", settings={"volume": 11}))}, "volume"),
    ],
)
async def test_what_contradicts_itself_is_not_kept(wrong: dict[str, Any], why: str) -> None:
    store = MemoryStore()

    with pytest.raises(Invalid, match=why):
        await created(store, **wrong)
    assert [] == await store.experiments()


async def test_a_name_is_given_once() -> None:
    store = MemoryStore()
    await created(store)
    await lifecycle.archive(store, "one")

    with pytest.raises(Conflict, match="names are given once"):
        await created(store)
