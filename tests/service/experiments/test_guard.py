"""What hurts is taken from its users, and nothing else is."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from structlog.testing import capture_logs

from service import metrics
from service.domain import Experiment, Guardrail, Listen, ShownList, Track, Variant
from service.errors import Conflict
from service.experiments import lifecycle
from service.experiments.assignment import assign
from service.experiments.guard import KEPT_FOR, guard
from service.experiments.lifecycle import Draft
from service.model.catalogue import empty_catalogue
from service.recommend.tuning import tuning_of
from service.store.memory import MemoryStore

START = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOW = START + 3 * DAY
TRACKS = [
    Track(id=f"t{n}", title=f"Song {n}", artist=f"Artist {n}", duration_ms=200_000)
    for n in range(10)
]
CATALOGUE = empty_catalogue().with_tracks(TRACKS)
TWO = (Variant(name="control"), Variant(name="new", settings={"balance": 0.5}))
THREE = (*TWO, Variant(name="bold", settings={"balance": 1.0}))
SKIPS = Guardrail(metric="skip_rate", most_loss=0.1)
PLAYS = Guardrail(metric="plays", most_loss=0.1)
USERS = [f"user{number}" for number in range(500)]


async def started(store: MemoryStore, **more: Any) -> Experiment:
    given: dict[str, Any] = {"variants": TWO, "allocation": 1.0, "guardrails": (SKIPS,)}
    await lifecycle.create(store, Draft(name="one", **(given | more)), tuning_of)
    return await lifecycle.start(store, "one", now=START)


async def fill(
    store: MemoryStore,
    skipped: Mapping[str, float],
    *,
    users: int = 200,
    first: datetime = START + MINUTE,
    name: str = "one",
) -> None:
    """Users of each arm with a list each and ten listens, of which they skip this share."""
    rng = np.random.default_rng(7)
    for arm, share in skipped.items():
        skips = rng.random((users, 10)) < share
        who = [f"{arm}-{n}" for n in range(users)]
        tracks = [one.id for one in TRACKS]
        await store.put_shown(
            [ShownList(u, "list", tracks, [1.0] * 10, {name: arm}, first, 4.0) for u in who]
        )
        await store.append(
            [
                Listen(
                    user_id=user,
                    track_id=tracks[n],
                    action="skip" if skips[row, n] else "play",
                    at=first + (n + 1) * MINUTE,
                    id=f"{first}-{n}",
                    ms_played=20_000 if skips[row, n] else 200_000,
                )
                for row, user in enumerate(who)
                for n in range(10)
            ]
        )


async def guarded(store: MemoryStore, now: datetime = NOW) -> list[tuple[str, str]]:
    """Which variants were halted, and by which metric."""
    with capture_logs():
        found = await guard(store, CATALOGUE, now=now)
    return [(one.variant, one.metric) for one in found]


async def one(store: MemoryStore) -> Experiment:
    found = await store.experiment("one")
    assert found is not None
    return found


@pytest.mark.parametrize("users", [60, 400])
async def test_a_variant_that_hurts_is_taken_from_its_users(users: int) -> None:
    store = MemoryStore()
    running = await started(store)
    await fill(store, {"control": 0.2, "new": 0.5}, users=users)
    counted = metrics.VARIANTS_HALTED._value.get()
    with capture_logs() as logs:
        (state,) = await guard(store, CATALOGUE, now=NOW)

    after = await one(store)
    assert ("new", "skip_rate", "breached") == (state.variant, state.metric, state.state)
    assert ("stopped", NOW) == (after.status, after.ends)
    assert {"control", "new"} == {assign(running, user, {}, NOW).name for user in USERS}  # type: ignore[union-attr]
    assert {None} == {assign(after, user, {}, NOW) for user in USERS}
    assert counted + 1 == metrics.VARIANTS_HALTED._value.get()
    assert state.interval is not None
    told = f"skip_rate is at least {state.interval[0]:.1%} worse than the control's; 10.0% was"
    assert after.halted["new"].startswith(told)
    assert [("error", "one", "new", after.halted["new"])] == [
        (log["log_level"], log["experiment"], log["variant"], log["reason"]) for log in logs
    ]


async def test_where_both_do_the_same_nothing_is_halted() -> None:
    store = MemoryStore()
    before = await started(store)
    await fill(store, {"control": 0.5, "new": 0.5})

    assert [] == await guarded(store)
    assert before == await one(store)


async def test_what_is_a_gain_is_no_loss() -> None:
    store = MemoryStore()
    before = await started(store, guardrails=(SKIPS, PLAYS))
    await fill(store, {"control": 0.5, "new": 0.2})

    assert [] == await guarded(store)
    assert before == await one(store)


async def test_a_loss_that_is_allowed_is_not_halted() -> None:
    store = MemoryStore()
    await started(store, guardrails=(Guardrail(metric="skip_rate", most_loss=1.0),))
    await fill(store, {"control": 0.3, "new": 0.45})

    assert [] == await guarded(store)


async def test_without_a_guardrail_the_same_harm_goes_on() -> None:
    store = MemoryStore()
    before = await started(store, guardrails=())
    await fill(store, {"control": 0.2, "new": 0.5})

    assert [] == await guarded(store)
    assert before == await one(store)


async def test_the_harm_of_another_experiment_is_not_held_against_it() -> None:
    store = MemoryStore()
    await started(store)
    await fill(store, {"control": 0.2, "new": 0.5}, name="another")

    assert [] == await guarded(store)


@pytest.mark.parametrize("status", ["draft", "stopped", "archived"])
async def test_what_does_not_run_is_left_alone(status: str) -> None:
    store, running = MemoryStore(), MemoryStore()
    for each in (store, running):
        await started(each)
        await fill(each, {"control": 0.2, "new": 0.5})
    before = await store.put_experiment(
        structs.replace(await one(store), status=status), expected_rev=2
    )

    assert [] == await guarded(store)
    assert before == await one(store)
    assert [("new", "skip_rate")] == await guarded(running)  # the control


async def test_the_other_variant_goes_on_and_what_is_halted_is_halted_once() -> None:
    store = MemoryStore()
    await started(store, variants=THREE, guardrails=(SKIPS, PLAYS))
    await fill(store, {"control": 0.2, "new": 0.6, "bold": 0.2})

    assert [("new", "skip_rate")] == await guarded(store)
    after = await one(store)
    assert ("running", {"new"}) == (after.status, set(after.halted))
    assert after.halted["new"].startswith("skip_rate")
    assert [] == await guarded(store, NOW + DAY)
    assert after == await one(store)


async def test_two_variants_that_hurt_are_both_halted() -> None:
    store = MemoryStore()
    await started(store, variants=THREE)
    await fill(store, {"control": 0.2, "new": 0.6, "bold": 0.5})

    assert [("new", "skip_rate"), ("bold", "skip_rate")] == await guarded(store)
    after = await one(store)
    assert ("stopped", {"new", "bold"}) == (after.status, set(after.halted))


async def test_what_is_done_after_its_end_is_not_held_against_it() -> None:
    ended, open_end = MemoryStore(), MemoryStore()
    for store, ends in ((ended, START + DAY), (open_end, None)):
        await started(store, ends=ends)
        await fill(store, {"control": 0.3, "new": 0.3})
        listens = [
            Listen(
                user_id=f"new-{user}",
                track_id="t1",
                action="skip",
                at=START + 2 * DAY + n * MINUTE,
                id=f"late-{n}",
            )
            for user in range(200)
            for n in range(20)
        ]
        await store.append(listens)

    assert [] == await guarded(ended)
    assert [("new", "skip_rate")] == await guarded(open_end)  # the control


async def test_somebody_who_stops_it_meanwhile_is_not_in_its_way() -> None:
    class Stopped(MemoryStore):
        async def put_experiment(
            self, experiment: Experiment, *, expected_rev: int
        ) -> Experiment | None:
            if experiment.halted and expected_rev == 2:
                await lifecycle.stop(self, "one", now=NOW)
            return await super().put_experiment(experiment, expected_rev=expected_rev)

    store = Stopped()
    await started(store)
    await fill(store, {"control": 0.2, "new": 0.5})

    assert [] == await guarded(store)
    assert "stopped" == (await one(store)).status
    with pytest.raises(Conflict):
        await lifecycle.stop(store, "one", now=NOW)


async def test_lists_are_dropped_after_ninety_days_and_not_before() -> None:
    store = MemoryStore()
    await started(store)
    ages = {"old": KEPT_FOR + MINUTE, "young": KEPT_FOR - MINUTE}
    now = START + 100 * DAY
    await store.put_shown(
        [ShownList("u", age, ["t0"], [1.0], {"one": "new"}, now - ago) for age, ago in ages.items()]
    )
    await guarded(store, now)

    kept = [one.list_id async for batch in store.shown(START) for one in batch]
    assert (90 * DAY, ["young"]) == (KEPT_FOR, kept)
