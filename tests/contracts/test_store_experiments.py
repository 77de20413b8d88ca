"""What a store promises about experiments; every adapter runs this."""

import asyncio
import sqlite3
from datetime import UTC, datetime

import msgspec
import pytest

from service.domain import Experiment, Guardrail, Variant
from service.store import Store
from service.store.sqlite import SqliteStore

CONTROL = Variant(name="control")
NEW = Variant(name="new", weight=2.5, settings={"balance": 0.5, "mix": "discover"})
WHOLE = Experiment(
    name="balance.half-1",
    variants=(CONTROL, NEW),
    status="running",
    allocation=0.25,
    audience={"country": "DE", "least_plays": 20.0},
    layer="ranking",
    starts=datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC),
    ends=datetime(2026, 6, 1, tzinfo=UTC),
    guardrails=(Guardrail(metric="skip_rate", most_loss=0.02),),
)


def named(name: str) -> Experiment:
    return Experiment(name=name, variants=(CONTROL, NEW))


async def test_an_experiment_comes_back_whole(store: Store) -> None:
    stored = await store.put_experiment(WHOLE, expected_rev=0)

    assert msgspec.structs.replace(WHOLE, rev=1) == stored
    assert stored == await store.experiment(WHOLE.name)
    assert await store.experiment("nobody") is None


async def test_they_come_by_name(store: Store) -> None:
    for name in ("c", "a", "b"):
        await store.put_experiment(named(name), expected_rev=0)

    assert ["a", "b", "c"] == [one.name for one in await store.experiments()]


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_a_change_of_what_was_not_read_is_refused(store: Store, expected: int) -> None:
    await store.put_experiment(named("a"), expected_rev=0)
    await store.put_experiment(named("a"), expected_rev=1)

    late = msgspec.structs.replace(named("a"), status="archived", rev=2)

    assert await store.put_experiment(late, expected_rev=expected) is None
    kept = await store.experiment("a")
    assert kept is not None
    assert ("draft", 2) == (kept.status, kept.rev)


async def test_a_change_of_what_is_not_there_is_refused(store: Store) -> None:
    assert await store.put_experiment(named("a"), expected_rev=1) is None
    assert [] == await store.experiments()


async def test_of_many_who_change_one_only_one_wins(store: Store) -> None:
    await store.put_experiment(named("a"), expected_rev=0)
    starts = [msgspec.structs.replace(named("a"), allocation=n / 10) for n in range(1, 9)]

    done = await asyncio.gather(*(store.put_experiment(one, expected_rev=1) for one in starts))

    (won,) = [one for one in done if one is not None]
    assert won == await store.experiment("a")
    assert 2 == won.rev


async def test_a_file_of_an_older_release_learns_experiments(tmp_path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore(path).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE experiments")
    old.close()

    store = SqliteStore(path)

    assert await store.put_experiment(named("a"), expected_rev=0)
    assert [] == await store.unindexed()
    await store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"variants": [{"name": "only"}]},
        {"status": "paused"},
        {"allocation": 1.5},
        {"variants": [{"name": "a"}, {"name": "b", "settings": {"$where": "x"}}]},
        {"starts": "2026-05-01T12:00:00"},
    ],
)
def test_what_is_no_experiment_does_not_decode(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(msgspec.to_builtins(WHOLE) | wrong, Experiment)
