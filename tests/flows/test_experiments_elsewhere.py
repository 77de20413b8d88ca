"""What happens to an experiment in another process, by the clock and by a job, shows here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import msgspec
import numpy as np
from litestar.testing import AsyncTestClient

from service.domain import Listen, ShownList
from service.experiments import lifecycle
from service.experiments.lifecycle import Change, Draft
from service.recommend.tuning import tuning_of
from service.store.sqlite import SqliteStore
from tests import worlds
from tests.flows.test_experiments import DRAFT, made, page, told

WITHIN_S = 20.0


async def until(client: AsyncTestClient, holds: Callable[[dict[str, str]], bool]) -> None:
    with anyio.fail_after(WITHIN_S):
        while True:
            if holds((await page(client, "jazz-u0"))["variants"]):
                return
            await anyio.sleep(0.05)


async def test_what_another_process_starts_changes_and_stops_is_followed(
    world: AsyncTestClient,
) -> None:
    other = SqliteStore(world.app.state.house.settings.home / "echotune.db")
    now = datetime.now(UTC)
    try:
        await lifecycle.create(other, msgspec.convert(DRAFT, Draft), tuning_of)
        await lifecycle.start(other, "more-new", now=now)
        await until(world, lambda variants: "more-new" in variants)

        await lifecycle.change(other, "more-new", Change(overrides={"jazz-u0": "new"}))
        await until(world, lambda variants: variants == {"more-new": "new"})

        await lifecycle.stop(other, "more-new", now=datetime.now(UTC))
        await until(world, lambda variants: variants == {})
    finally:
        await other.close()


async def test_an_experiment_begins_and_ends_by_the_clock(world: AsyncTestClient) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    late = soon + timedelta(seconds=3)
    await made(world, starts=soon.isoformat(), ends=late.isoformat())
    await told(world, "start")

    assert {} == (await page(world, "jazz-u0"))["variants"]
    await until(world, lambda variants: "more-new" in variants)
    assert datetime.now(UTC) >= soon
    await until(world, lambda variants: variants == {})
    assert datetime.now(UTC) >= late


async def test_the_job_that_looks_after_experiments_halts_what_hurts(
    world: AsyncTestClient,
) -> None:
    await made(world)
    await told(world, "start")
    store, rng = world.app.state.house.store, np.random.default_rng(5)
    now, tracks = datetime.now(UTC), [one.id for one in worlds.tracks()[:10]]
    for arm, share in (("control", 0.1), ("new", 0.9)):
        users = [f"{arm}{number}" for number in range(150)]
        await store.put_shown(
            [ShownList(u, "l", tracks, [1.0] * 10, {"more-new": arm}, now) for u in users]
        )
        await store.append(
            [
                Listen(
                    user_id=user,
                    track_id=track,
                    action="skip" if rng.random() < share else "play",
                    at=now + timedelta(milliseconds=place + 1),
                    id=str(place),
                )
                for user in users
                for place, track in enumerate(tracks)
            ]
        )
    job: dict[str, Any] = (await world.post("/v1/jobs", json={"kind": "experiments"})).json()
    with anyio.fail_after(WITHIN_S):
        while (ended := (await world.get(f"/v1/jobs/{job['job_id']}")).json()["status"]) != "done":
            assert ended in ("queued", "running")
            await anyio.sleep(0.05)

    found = (await world.get("/v1/experiments/more-new")).json()
    assert "stopped" == found["status"]
    assert "skip_rate is at least" in found["halted"]["new"]
    await until(world, lambda variants: variants == {})
