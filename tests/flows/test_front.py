"""The short way of a list: the same answer to the byte as the long way gives."""

import asyncio
from typing import Any

import httpx
import pytest
from litestar.testing import AsyncTestClient
from msgspec import structs

from service.api.concurrency_limit import Limit
from service.api.front import MOST_QUESTIONS, Front
from service.bus import START, ExposureLogged
from tests.flows.guarded import as_everybody

URL = "/v1/users/jazz-u0/recommendations"
MSGPACK = {"Accept": "application/msgpack"}


class Way:
    """A client that comes in by the front, and how often it had to go on to the application."""

    def __init__(self, world: AsyncTestClient) -> None:
        self.app: Any = world.app
        self.went_on = 0
        self.front = Front(self._counted, self.app.state, timeout_s=20)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=as_everybody(self.front)),
            base_url="http://testserver",
        )

    async def _counted(self, scope: Any, receive: Any, send: Any) -> None:
        self.went_on += 1
        await self.app(scope, receive, send)


@pytest.mark.parametrize(
    "query", ["", "?limit=5", "?fields=track.id,score", "?mix=blend&explain=0"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Encoding": "identity"},
        {"Accept-Encoding": "br"},
        MSGPACK | {"Accept-Encoding": "zstd"},
        {"Accept": "*/*", "If-None-Match": "*"},
    ],
)
async def test_a_kept_list_is_the_same_by_either_way(
    world: AsyncTestClient, query: str, headers: dict[str, str]
) -> None:
    way = Way(world)
    await world.get(URL + query)  # now it is kept

    long = await world.get(URL + query, headers=headers)
    short = await way.client.get(URL + query, headers=headers)

    assert 0 == way.went_on
    assert (long.status_code, long.content) == (short.status_code, short.content)
    assert dict(long.headers) == dict(short.headers)


@pytest.mark.parametrize(
    "request_of",
    [
        ("GET", URL + "?at=2026-03-01T10:00:00Z"),
        ("GET", URL + "?timezone=Europe/Rome"),
        ("GET", URL + "?limit=0"),
        ("GET", URL + "?nonsense=1"),
        ("GET", "/v1/users/%ff/recommendations"),
        ("GET", "/v1/users/jazz-u0/profile"),
        ("HEAD", URL),
    ],
)
async def test_everything_else_goes_on_and_is_answered_there(
    world: AsyncTestClient, request_of: tuple[str, str]
) -> None:
    way, (method, url) = Way(world), request_of
    await world.get(URL)

    long = await world.request(method, url)
    short = await way.client.request(method, url)

    assert 1 == way.went_on
    assert long.status_code == short.status_code


async def test_a_list_that_has_to_be_made_is_made_here(world: AsyncTestClient) -> None:
    way = Way(world)

    first = await way.client.get(URL)
    stranger = await way.client.get("/v1/users/nobody-knows/recommendations")
    again = await world.get(URL)

    assert 0 == way.went_on
    assert "cache;desc=miss" == first.headers["server-timing"]
    assert "popular" == stranger.json()["tier"]
    assert first.content == again.content


async def test_an_error_nobody_thought_of_is_told_by_the_application(
    world: AsyncTestClient,
) -> None:
    class Broken:
        question = staticmethod(lambda *_: "q")
        kept = staticmethod(lambda *_: None)

        async def for_user(self, user_id: str, ask: Any) -> None:
            raise ZeroDivisionError

    way = Way(world)
    house = way.app.state.house
    way.app.state.house = structs.replace(house, recommender=Broken())
    try:
        answer = await way.client.get(URL)
    finally:
        way.app.state.house = house

    assert (1, 500) == (way.went_on, answer.status_code)
    assert "application/problem+json" == answer.headers["content-type"]


async def test_what_is_not_acceptable_is_refused_by_the_application(world: AsyncTestClient) -> None:
    way = Way(world)
    await world.get(URL)

    refused = await way.client.get(URL, headers={"Accept": "text/html"})

    assert (1, 406) == (way.went_on, refused.status_code)


async def test_a_listen_puts_the_kept_list_out_of_the_front_too(world: AsyncTestClient) -> None:
    way = Way(world)
    before = (await world.get(URL)).json()["list_id"]
    kept = (await way.client.get(URL)).json()["list_id"]
    liked = {"user_id": "jazz-u0", "track_id": "folk01", "action": "like"}
    await world.post("/v1/feedback", json=liked)
    after = (await way.client.get(URL)).json()["list_id"]

    assert before == kept != after
    assert 0 == way.went_on


async def test_a_sent_list_counts_as_shown_by_either_way(world: AsyncTestClient) -> None:
    way = Way(world)
    shown = way.app.state.house.exposure._shown
    await world.get(URL)
    shown.take()

    await way.client.get(URL)
    await way.client.get(URL, headers={"If-None-Match": "*"})

    assert [("jazz-u0", "shown"), ("jazz-u0", "unchanged")] == [
        (showing.user_id, showing.way) for showing in shown.take()
    ]


async def test_strange_queries_take_no_room_for_ever(world: AsyncTestClient) -> None:
    way = Way(world)
    for number in range(MOST_QUESTIONS + 5):
        way.front._question(b"nonsense=%d" % number)

    assert MOST_QUESTIONS >= len(way.front._questions)


async def test_when_too_many_lists_are_made_a_new_one_is_what_people_like_and_a_kept_one_is_kept(
    world: AsyncTestClient,
) -> None:
    way = Way(world)
    kept = await world.get(URL)
    way.front._room._learned.limit = Limit(0)

    instead, ahead, again = (
        await way.client.get(URL + "?limit=7"),
        await way.client.get(URL + "?limit=8", headers={"sec-purpose": "prefetch"}),
        await way.client.get(URL),
    )

    assert (200, 503, 200) == (instead.status_code, ahead.status_code, again.status_code)
    assert instead.json()["tier"] in ("segment", "popular")
    assert 7 == len(instead.json()["recommendations"])
    assert int(ahead.headers["retry-after"]) > 0
    assert kept.json() == again.json()
    assert 0 == way.went_on


async def test_whoever_wants_a_list_that_is_being_made_is_not_refused(
    world: AsyncTestClient,
) -> None:
    way = Way(world)
    way.front._room._learned.limit = Limit(1)

    same = await asyncio.gather(*(way.client.get(URL + "?limit=9") for _ in range(20)))

    assert {200} == {answer.status_code for answer in same}
    assert 1 == len({answer.json()["list_id"] for answer in same})


async def test_the_id_a_client_gives_its_request_is_in_what_is_told(world: AsyncTestClient) -> None:
    way, traces = Way(world), world.app.state.house.traces
    before = len(await traces.newest(limit=10_000))
    await way.client.get(f"{URL}?limit=7", headers={"X-Request-Id": "short"})
    await world.get(f"{URL}?limit=8", headers={"X-Request-Id": "long"})

    told = await traces.newest(limit=10_000)
    assert ["long"] * 6 + ["short"] * 6 == [
        trace.request_id for trace in told[: len(told) - before]
    ]


async def test_by_either_way_a_list_is_shown_asked_ahead_or_unchanged(
    world: AsyncTestClient,
) -> None:
    way, house = Way(world), world.app.state.house
    answer = await world.get(URL, headers={"Purpose": "prefetch"})
    tag = answer.json()["list_id"]
    for client in (world, way.client):
        await client.get(URL)
        await client.get(URL, headers={"If-None-Match": answer.headers["etag"]})
    await way.client.get(URL, headers={"Sec-Purpose": "prefetch"})

    async def told() -> list[ExposureLogged]:
        facts = [entry.fact for entry in await house.stream.read(START, limit=1_000)]
        return [fact for fact in facts if isinstance(fact, ExposureLogged)]

    def times(facts: list[ExposureLogged]) -> list[int]:
        ways = [(fact.shown, fact.prefetched, fact.unchanged) for fact in facts]
        return [sum(of.get(tag, 0) for of in way) for way in zip(*ways, strict=True)]

    async with asyncio.timeout(20):
        while sum(times(await told())) < 6:  # noqa: ASYNC110 - it is told once a second
            await asyncio.sleep(0.02)
    facts = await told()
    assert [2, 2, 2] == times(facts)
    assert [[one["track"]["id"] for one in answer.json()["recommendations"]]] == [
        one.track_ids for fact in facts for one in fact.made if one.list_id == tag
    ]
