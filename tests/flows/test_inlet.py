"""The short way in: the same answer to the byte as the long way gives, and nothing stored twice."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.api.inlet import Inlet
from service.errors import StoreUnavailable
from service.learn.limits import Limits
from tests.flows.guarded import as_everybody
from tests.flows.hostile import LISTEN

URL = "/v1/listens"


class Way:
    """A client that comes in by the inlet, and how often it had to go on to the application."""

    def __init__(self, world: AsyncTestClient) -> None:
        self.app: Any = world.app
        self.went_on = 0
        inlet = Inlet(self._counted, self.app.state)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=as_everybody(inlet)),
            base_url="http://testserver",
        )

    async def _counted(self, scope: Any, receive: Any, send: Any) -> None:
        self.went_on += 1
        await self.app(scope, receive, send)


def same(long: httpx.Response, short: httpx.Response) -> None:
    assert (long.status_code, long.content) == (short.status_code, short.content)
    assert dict(long.headers) == dict(short.headers)


@pytest.mark.parametrize(
    "sent",
    [
        LISTEN,
        [LISTEN, LISTEN | {"id": "x"}],
        [],
        [LISTEN, LISTEN | {"track_id": "nope"}],
        LISTEN | {"track_id": "nope"},
        {name: value for name, value in LISTEN.items() if name != "at"},
        [LISTEN | {"action": "rating"}],
    ],
)
async def test_what_can_be_read_is_answered_the_same_by_either_way(
    world: AsyncTestClient, sent: Any
) -> None:
    way = Way(world)
    await world.post(URL, json=sent)  # now all of it is a duplicate

    same(await world.post(URL, json=sent), await way.client.post(URL, json=sent))
    assert 0 == way.went_on


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[", b"null", b"[{}]", b'{"user_id":1}', b"\xff", b"[" * 30_000,
        msgspec.json.encode([LISTEN, {}]),
        msgspec.json.encode([LISTEN] * 1_001),
        b" " * 2_000_001,
        b"\xef\xbb\xbf" + msgspec.json.encode(LISTEN),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_goes_on_and_is_told_why(
    world: AsyncTestClient, content: bytes
) -> None:
    way = Way(world)
    await world.post(URL, content=content)

    same(await world.post(URL, content=content), await way.client.post(URL, content=content))
    assert 1 == way.went_on


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS"])
async def test_other_methods_and_paths_go_on(world: AsyncTestClient, method: str) -> None:
    way = Way(world)

    same(await world.request(method, URL), await way.client.request(method, URL))
    same(await world.get("/v1/trending"), await way.client.get("/v1/trending"))
    assert 2 == way.went_on


async def test_a_refusal_is_the_same_by_either_way(
    world: AsyncTestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    way, house = Way(world), world.app.state.house

    async def down(_: object) -> None:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(house.store, "append", down)
    same(await world.post(URL, json=LISTEN), await way.client.post(URL, json=LISTEN))
    limits = Limits(user_per_minute=0, source_per_minute=1, clock=lambda: 0.0)
    monkeypatch.setattr(house.ingest, "_limits", limits)
    for one in ("testclient", "127.0.0.1"):
        limits.check_source(one, 1)
    long, short = await world.post(URL, json=LISTEN), await way.client.post(URL, json=LISTEN)
    same(long, short)
    assert 429 == short.status_code
    assert 0 == way.went_on


async def test_a_body_may_come_in_parts(world: AsyncTestClient) -> None:
    way, body = Way(world), msgspec.json.encode([LISTEN | {"id": "parts"}])

    async def parts() -> Any:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    answer = await way.client.post(URL, content=parts())

    assert {"accepted": 1, "duplicates": 0, "rejected": []} == answer.json()
    assert 0 == way.went_on


async def test_whoever_leaves_before_the_end_stores_nothing(world: AsyncTestClient) -> None:
    way = Way(world)
    before = await world.app.state.house.store.counts()
    messages = iter(
        [
            {"type": "http.request", "body": b'{"user_id"', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": URL, "raw_path": URL.encode(),
        "query_string": b"", "headers": [(b"host", b"testserver")], "http_version": "1.1",
        "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1),
        "root_path": "", "asgi": {"version": "3.0"}, "state": {},
    }  # fmt: skip
    await asyncio.wait_for(Inlet(way._counted, way.app.state)(scope, receive, send), 10)

    assert 1 == way.went_on
    assert before == await world.app.state.house.store.counts()
