"""Jobs over HTTP: started, looked at, cancelled, run again; by this process or by a worker."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.bootstrap import open_house
from service.settings import Settings
from tests import worlds
from tests.flows.conftest import client, world

__all__ = ["client", "world"]


async def ended(client: AsyncTestClient, job_id: str) -> dict:
    with anyio.fail_after(60):
        while (job := (await client.get(f"/v1/jobs/{job_id}")).json())["status"] in (  # noqa: ASYNC110 - jobs are polled
            "queued",
            "running",
        ):
            await anyio.sleep(0.02)
    return job


@pytest.mark.parametrize("kind", ["train", "precompute", "profiles", "similarity"])
async def test_what_comes_on_schedule_also_comes_on_demand(
    world: AsyncTestClient, kind: str
) -> None:
    started = await world.post("/v1/jobs", json={"kind": kind, "priority": "high"})

    assert (202, {"job_id"}) == (started.status_code, started.json().keys())
    assert "done" == (await ended(world, started.json()["job_id"]))["status"]


async def test_a_list_made_ahead_is_a_hit_when_it_is_asked_for(world: AsyncTestClient) -> None:
    started = await world.post("/v1/users/jazz-u0/recommendations/jobs")
    assert 202 == started.status_code
    await ended(world, started.json()["job_id"])

    answer = await world.get("/v1/users/jazz-u0/recommendations")

    assert "cache;desc=local" == answer.headers["server-timing"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"kind": "erase"}',
        '{"kind": "train", "priority": 1}',
        '{"kind": "train", "x": 1}',
    ],
)
async def test_an_order_for_anything_else_is_refused(client: AsyncTestClient, body: str) -> None:
    answer = await client.post("/v1/jobs", content=body)

    assert (400, "/problems/invalid") == (answer.status_code, answer.json()["type"])
    assert {"jobs": []} == (await client.get("/v1/jobs")).json()


async def test_a_dead_letter_is_listed_and_run_again(client: AsyncTestClient) -> None:
    """A fit with nothing to learn from fails, and fails again."""
    job_id = (await client.post("/v1/models")).json()["job_id"]
    await ended(client, job_id)

    (letter,) = (await client.get("/v1/jobs/dead")).json()["dead"]
    assert (job_id, "train", 1) == (letter["job_id"], letter["kind"], letter["attempts"])
    assert {"job_id", "kind", "arguments", "error", "attempts", "failed_at"} == letter.keys()
    again = await client.post(f"/v1/jobs/{job_id}/replay")
    assert (202, True) == (again.status_code, again.json()["job_id"] != job_id)
    assert 404 == (await client.post(f"/v1/jobs/{job_id}/replay")).status_code
    await ended(client, again.json()["job_id"])
    listed = (await client.get("/v1/jobs/dead")).json()["dead"]
    assert [again.json()["job_id"]] == [one["job_id"] for one in listed]


@pytest.fixture
async def front(own_valkey_url: str, tmp_path: Path) -> AsyncIterator[AsyncTestClient]:
    """A service that leaves its jobs to workers, with the small world in it."""
    url = own_valkey_url
    settings = Settings(
        data_dir=str(tmp_path), events_redis_url=url, role="api", strategy_timeout_ms=5_000
    )
    async with AsyncTestClient(create_app(settings)) as opened:
        encode = msgspec.json.encode
        await opened.put("/v1/tracks", content=encode(worlds.tracks()))
        await opened.post("/v1/listens", content=encode(worlds.listens()))
        yield opened


async def test_a_worker_does_what_a_front_was_asked_for(
    front: AsyncTestClient, own_valkey_url: str, tmp_path: Path
) -> None:
    first = (await front.post("/v1/models")).json()["job_id"]
    again = (await front.post("/v1/models")).json()["job_id"]
    erased = (await front.delete("/v1/users/jazz-u0")).json()["job_id"]
    cancelled = (await front.post("/v1/users/jazz-u1/recommendations/jobs")).json()["job_id"]
    assert first == again
    assert "queued" == (await front.get(f"/v1/jobs/{first}")).json()["status"]
    assert "cancelled" == (await front.delete(f"/v1/jobs/{cancelled}")).json()["status"]

    settings = Settings(data_dir=str(tmp_path), events_redis_url=own_valkey_url)
    async with open_house(settings, work=True):
        statuses = [(await ended(front, job_id))["status"] for job_id in (erased, first)]

    assert ["done", "done"] == statuses
    assert 404 == (await front.get("/v1/users/jazz-u0/profile")).status_code
    assert 1 == len((await front.get("/v1/models")).json()["models"])


async def test_a_queue_that_is_down_is_a_503_that_says_so(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), events_redis_url="redis://127.0.0.1:9/0")
    async with AsyncTestClient(create_app(settings)) as client:
        answer = await client.post("/v1/models")

        assert (503, "/problems/jobs-unavailable") == (answer.status_code, answer.json()["type"])
        assert "5" == answer.headers["retry-after"]
        assert 200 == (await client.get("/v1/users/u1/recommendations")).status_code
