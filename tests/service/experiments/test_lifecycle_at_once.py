"""Two who change experiments at the same time: one of them is refused, nobody is in both."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from service.domain import Experiment, Variant
from service.errors import Conflict
from service.experiments import lifecycle
from service.experiments.assignment import assign
from service.experiments.lifecycle import Change, Draft
from service.recommend.tuning import tuning_of
from service.store.memory import MemoryStore

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TWO = (Variant(name="control"), Variant(name="new", settings={"balance": 0.5}))
USERS = [f"user{number}" for number in range(500)]


class Interleaved(MemoryStore):
    """Lets somebody else do something just before the next experiment is written."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def put_experiment(
        self, experiment: Experiment, *, expected_rev: int
    ) -> Experiment | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().put_experiment(experiment, expected_rev=expected_rev)


async def created(store: MemoryStore, name: str, **more: Any) -> Experiment:
    given: dict[str, Any] = {"variants": TWO, "allocation": 0.6, "layer": "ranking"}
    return await lifecycle.create(store, Draft(name=name, **(given | more)), tuning_of)


async def in_both(store: MemoryStore) -> list[str]:
    """Who is in more than one of the experiments."""
    every = await store.experiments()
    return [u for u in USERS if sum(assign(one, u, {}, NOW) is not None for one in every) > 1]


async def status(store: MemoryStore, name: str) -> str:
    found = await store.experiment(name)
    assert found is not None
    return found.status


async def start_at_once(store: Interleaved, first: str, second: str) -> list[str]:
    """`second` is started after `first` has looked and before it writes; what was refused."""
    refused: list[str] = []

    async def other() -> None:
        await lifecycle.start(store, second, now=NOW)

    store.meanwhile = other
    try:
        await lifecycle.start(store, first, now=NOW)
    except Conflict as error:
        refused.append(str(error))
    return refused


@pytest.mark.parametrize("layer", ["ranking", None])
async def test_of_two_that_start_at_once_one_takes_itself_back(layer: str | None) -> None:
    store = Interleaved()
    before = [await created(store, name, layer=layer) for name in ("one", "two")]
    (refused,) = await start_at_once(store, "one", "two")

    assert ("layer ranking" if layer else "two runs and sets balance too") in refused
    assert ("draft", "running") == (await status(store, "one"), await status(store, "two"))
    taken_back = await store.experiment("one")
    assert taken_back is not None
    assert (before[0].buckets, before[0].starts) == (taken_back.buckets, taken_back.starts)
    assert [] == await in_both(store)


@pytest.mark.parametrize("layer", ["ranking", None])
async def test_without_the_second_look_both_would_run_with_the_same_users(
    layer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above: what is written is not looked at again."""

    async def unlooked(store: MemoryStore, before: Experiment, wanted: Experiment) -> Experiment:
        return await lifecycle._put(store, wanted)

    monkeypatch.setattr(lifecycle, "_claimed", unlooked)
    store = Interleaved()
    for name in ("one", "two"):
        await created(store, name, layer=layer)

    assert [] == await start_at_once(store, "one", "two")
    assert ("running", "running") == (await status(store, "one"), await status(store, "two"))
    assert await in_both(store)


async def test_two_that_both_find_room_both_start() -> None:
    store = Interleaved()
    for name in ("one", "two"):
        await created(store, name, layer=name, variants=(TWO[0], Variant(name=name)))

    assert [] == await start_at_once(store, "one", "two")
    assert ("running", "running") == (await status(store, "one"), await status(store, "two"))


async def test_a_layer_in_which_one_grows_while_another_starts_is_shared_by_nobody() -> None:
    store = Interleaved()
    await created(store, "one", allocation=0.2)
    small = await lifecycle.start(store, "one", now=NOW)
    await created(store, "two")

    async def other() -> None:
        await lifecycle.start(store, "two", now=NOW)

    store.meanwhile = other
    with pytest.raises(Conflict, match="layer ranking"):
        await lifecycle.change(store, "one", Change(allocation=0.7))

    kept = await store.experiment("one")
    assert kept is not None
    assert ("running", 0.2, small.buckets) == (kept.status, kept.allocation, kept.buckets)
    assert [] == await in_both(store)


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: lifecycle.start(store, "one", now=NOW),
        lambda store: lifecycle.archive(store, "one"),
        lambda store: lifecycle.change(store, "one", Change(allocation=0.5)),
    ],
)
async def test_what_somebody_else_changed_meanwhile_is_not_written_over(verb) -> None:
    store = Interleaved()
    await created(store, "one")
    store.meanwhile = lambda: lifecycle.change(store, "one", Change(allocation=0.3))

    with pytest.raises(Conflict, match="changed by somebody else meanwhile"):
        await verb(store)
    kept = await store.experiment("one")
    assert kept is not None
    assert ("draft", 0.3, 2) == (kept.status, kept.allocation, kept.rev)
    await verb(store)  # whoever looks again may


async def test_a_variant_is_halted_beside_another_that_was_halted_meanwhile_or_not_at_all() -> None:
    store = Interleaved()
    variants = (*TWO, Variant(name="bold", settings={"balance": 1.0}))
    await created(store, "one", variants=variants)
    await lifecycle.start(store, "one", now=NOW)
    store.meanwhile = lambda: lifecycle.halt(store, "one", "bold", why="slow", now=NOW)

    with pytest.raises(Conflict, match="meanwhile"):
        await lifecycle.halt(store, "one", "new", why="skips", now=NOW)
    over = await lifecycle.halt(store, "one", "new", why="skips", now=NOW)

    assert {"bold": "slow", "new": "skips"} == over.halted
    assert "stopped" == over.status
