"""The probe that measures how soon a list follows a skip, and leaves no trace."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient
from prometheus_client import REGISTRY

from service.domain import Listen, UserId
from service.doors.exports import rows_of
from service.house import House
from service.learn import freshness as module
from service.learn.freshness import PROBE, Freshness
from service.learn.interactions import read_interactions
from tests.flows.conftest import client, fit, world

__all__ = ["client", "world"]


@pytest.fixture
def house(world: AsyncTestClient) -> House:
    found: House = world.app.state.house
    return found


def probe_of(house: House, every_s: float = 0.0) -> Freshness:
    return Freshness(
        house.ingest, house.accounts, house.recommender, house.current, every_s=every_s
    )


def outcomes() -> dict[str, float]:
    name = "echotune_freshness_probes_total"
    return {
        outcome: REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0.0
        for outcome in ("followed", "late", "failed")
    }


def measured() -> float:
    return REGISTRY.get_sample_value("echotune_event_to_effect_seconds_count") or 0.0


async def test_a_list_follows_a_skip_and_the_time_is_noted(house: House) -> None:
    probe, before, count = probe_of(house), outcomes(), measured()

    took = [await probe.probe() for _ in range(3)]

    assert all(spent is not None and 0 < spent < module.WITHIN_S for spent in took)
    assert before | {"followed": before["followed"] + 3} == outcomes()
    assert count + 3 == measured()


async def test_a_cache_that_ignores_revs_is_found_out(house: House, monkeypatch) -> None:
    """The control."""
    probe = probe_of(house)
    await probe.probe()
    before, count = outcomes(), measured()

    async def ignored(_user_id: str, _rev: int | None) -> None:
        return

    monkeypatch.setattr(house.cache, "note", ignored)
    monkeypatch.setattr(module, "WITHIN_S", 0.1)

    assert None is await probe.probe()
    assert before | {"late": before["late"] + 1} == outcomes()
    assert count == measured()


async def test_a_skip_that_another_process_has_erased_says_nothing(house, monkeypatch) -> None:
    probe = probe_of(house)
    await probe.probe()
    before = outcomes()

    same, asked = await probe._list(), 0

    async def listed() -> tuple[list[str], str]:
        nonlocal asked
        asked += 1
        if asked == 2:
            await house.store.delete_user(PROBE)
            await house.store.append([Listen(id="x", user_id=PROBE, track_id="jazz00")])
        return same

    monkeypatch.setattr(probe, "_list", listed)
    monkeypatch.setattr(module, "WITHIN_S", 0.05)

    assert None is await probe.probe()
    assert before == outcomes()


async def test_no_client_can_be_the_probe(world: AsyncTestClient) -> None:
    listen = {"user_id": PROBE, "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"}

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(PROBE, UserId)
    assert 400 == (await world.post("/v1/listens", json=listen)).status_code
    assert 400 == (await world.get(f"/v1/users/{PROBE}/profile")).status_code


async def test_the_probe_is_in_no_model_trend_figure_or_export(
    house: House, world: AsyncTestClient
) -> None:
    await fit(world)
    trending = house.current.trending.weights.copy()
    before = await read_interactions(house.store.listens(), house.current.catalogue)
    probe = probe_of(house)
    for _ in range(3):
        await probe.probe()
    after = await read_interactions(house.store.listens(), house.current.catalogue)
    written = {
        str(msgspec.to_builtins(row)[name])
        for part, name in (("users", "id"), ("listens", "user_id"))
        async for rows in rows_of(house.store, part)
        for row in rows
    }

    assert PROBE == (await house.store.user(PROBE)).id  # type: ignore[union-attr]
    assert before.users == after.users
    assert 0 == abs(before.matrix - after.matrix).sum()
    assert (trending == house.current.trending.weights).all()
    assert "jazz-u0" in written
    assert PROBE not in written


async def test_a_probe_begins_anew_before_its_taste_is_lost(house: House, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_SKIPS", 2)
    probe = probe_of(house)
    for _ in range(5):
        assert await probe.probe() is not None
    found, _ = await house.accounts.listens(PROBE, 100, None)

    assert ["skip"] + ["play"] * module.SEEDS == [one.action for one in found]
    assert not any(one.timed for one in found if one.action == "play")


async def test_a_catalogue_with_nothing_to_list_is_left_alone(client: AsyncTestClient) -> None:
    house, before = client.app.state.house, outcomes()
    probe = probe_of(house)

    assert [None, None] == [await probe.probe(), await probe.probe()]
    assert before == outcomes()
    assert 0 == (await house.store.counts())["users"]


async def test_a_store_that_is_gone_counts_as_a_failure_and_ends_nothing(house: House) -> None:
    probe, before = probe_of(house, every_s=0.01), outcomes()
    await house.store.close()
    probe.watch()
    async with asyncio.timeout(20):
        while outcomes()["failed"] < before["failed"] + 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    await probe.close()


async def test_never_is_never(house: House, tmp_path: Path) -> None:
    probe = probe_of(house)
    probe.watch()

    assert None is probe._probing
