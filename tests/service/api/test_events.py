"""Events over HTTP: those that were set aside, told again, and what was asked lately."""

import asyncio
import json

import pytest
from litestar.testing import AsyncTestClient

from service.bus import START, ExposureLogged, RecommendationComputed, UserUpdated
from service.bus.redis_streams import RedisStream
from service.bus.redis_traces import RedisTraces
from tests.flows.conftest import client, world
from tests.service.api.test_jobs import front

__all__ = ["client", "front", "world"]


async def buried(client: AsyncTestClient) -> str:
    """The place of one dead event of group g."""
    stream = client.app.state.house.stream
    await stream.publish([UserUpdated("u1", 3)])
    *settled, last = await stream.take("g", "c", limit=1_000)
    await stream.settle("g", [entry.place for entry in settled])
    await stream.bury("g", last, "ValueError: no use")
    (fact, *_) = await stream.dead()
    place: str = fact.place
    return place


async def test_a_dead_event_is_listed_with_its_reason_and_told_again_once(
    client: AsyncTestClient,
) -> None:
    place = await buried(client)

    (dead,) = (await client.get("/v1/events/dead")).json()["dead"]
    again = [await client.post(f"/v1/events/dead/{place}/replay") for _ in range(2)]

    assert (place, "g", "user.updated", "ValueError: no use", 1) == tuple(
        dead[name] for name in ("place", "group", "topic", "reason", "deliveries")
    )
    assert ("u1", 3) == tuple(json.loads(dead["body"])[name] for name in ("user_id", "rev"))
    assert [(202, {"place": place}), (404, "/problems/unknown-event")] == [
        (again[0].status_code, again[0].json()),
        (again[1].status_code, again[1].json()["type"]),
    ]
    assert {"dead": []} == (await client.get("/v1/events/dead")).json()


@pytest.mark.parametrize("place", ["0-0", "x", "%00", "%E2%98%83", "9" * 5_000 + "-1"])
async def test_what_is_no_place_of_a_dead_event_is_not_found(
    client: AsyncTestClient, place: str
) -> None:
    assert 404 == (await client.post(f"/v1/events/dead/{place}/replay")).status_code


async def test_what_was_asked_lately_can_be_looked_at(world: AsyncTestClient) -> None:
    answer = await world.get(
        "/v1/users/jazz-u0/recommendations?limit=3", headers={"X-Request-Id": "mine"}
    )

    computed, *asked, requested = (await world.get("/v1/events/traces?limit=6")).json()["traces"]

    assert {"mine"} == {trace["request_id"] for trace in (computed, *asked, requested)}
    assert "recommendation.requested" == requested["type"]
    assert [
        "trending.requested",
        "context.aware.requested",
        "content.filter.requested",
        "collaborative.filter.requested",
    ] == [trace["type"] for trace in asked]
    assert ("recommendation.computed", answer.json()["list_id"], answer.json()["strategies"]) == (
        computed["type"],
        computed["list_id"],
        computed["strategies"],
    )


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "place=1"])
async def test_a_wrong_question_about_traces_is_refused(
    client: AsyncTestClient, query: str
) -> None:
    assert 400 == (await client.get(f"/v1/events/traces?{query}")).status_code


async def test_what_one_process_was_asked_and_has_shown_every_other_can_read(
    front: AsyncTestClient, own_valkey_url: str
) -> None:
    answer = await front.get("/v1/users/jazz-u0/recommendations?limit=3")
    list_id = answer.json()["list_id"]
    url = own_valkey_url
    stream, traces = RedisStream(url), RedisTraces(url)
    async with asyncio.timeout(20):
        while True:
            read = [entry.fact for entry in await stream.read(START, limit=1_000)]
            shown = [fact for fact in read if isinstance(fact, ExposureLogged)]
            told = await traces.newest()
            if shown and told:
                break
            await asyncio.sleep(0.05)
    await stream.close()
    await traces.close()

    assert ({list_id: 1}, [list_id]) == (shown[0].shown, [one.list_id for one in shown[0].made])
    assert [list_id] == [one.list_id for one in told if isinstance(one, RecommendationComputed)]
