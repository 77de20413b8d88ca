"""The stream of one listener, byte by byte, over a client that reads, sleeps or leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from service.api import updates as module
from service.api.updates import Stream
from service.bus import Bus, UserUpdated
from service.errors import StoreUnavailable
from service.jobs.memory import MemoryJobs
from service.learn.accounts import Accounts
from service.learn.updates import BACK_IN_S, Updates
from service.model.current import Current
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import listen

SOON_S = 10.0


class Client:
    """Takes what is sent while `reads` is set, and stays until `gone` is."""

    def __init__(self) -> None:
        self.parts = asyncio.Queue[bytes]()
        self.messages = list[dict[str, Any]]()
        self.reads, self.gone = asyncio.Event(), asyncio.Event()
        self.reads.set()

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.messages.append(message)
        if message["type"] == "http.response.body":
            self.parts.put_nowait(message["body"])

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def part(self) -> str:
        async with asyncio.timeout(SOON_S):
            return (await self.parts.get()).decode()


class Desk:
    """What a stream needs, and one user of rev 1."""

    def __init__(self) -> None:
        self.store, self.current, self.updates = MemoryStore(), Current(), Updates()
        self.current.add_tracks(worlds.tracks())
        self.accounts = Accounts(self.store, Bus(), self.current, MemoryJobs())

    @asynccontextmanager
    async def stream(self, seen: bytes = b"") -> AsyncIterator[Client]:
        client = Client()
        app = Stream(self.updates, self.accounts, self.current, "u1", seen)
        task = asyncio.create_task(app({"type": "http"}, client.receive, client.send))
        yield client
        client.gone.set()
        async with asyncio.timeout(SOON_S):
            await task
        assert not self.updates._watches

    @property
    def stamp(self) -> str:
        return self.current.stamp


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.store.append([listen("jazz00")])
    return made


async def test_a_stream_begins_with_where_it_stands_and_wakes_nobody(desk) -> None:
    async with desk.stream() as client:
        assert f"retry: {module.RETRY_MS}\nid: 1.{desk.stamp}\n\n" == await client.part()
        assert client.parts.empty()
        assert 200 == client.messages[0]["status"]
        assert (b"content-type", b"text/event-stream") in client.messages[0]["headers"]


async def test_a_change_is_an_event_whose_data_is_json(desk) -> None:
    async with desk.stream() as client:
        await client.part()
        await desk.updates.on_user_updated(UserUpdated("u1", 2, "feedback"))
        id_, event, data, *rest = (await client.part()).split("\n")

        assert [f"id: 2.{desk.stamp}", "event: update"] == [id_, event]
        assert {"rev": 2, "reason": "feedback"} == json.loads(data.removeprefix("data: "))
        assert ["", ""] == rest


@pytest.mark.parametrize(
    "seen, missed", [("1.{}", False), ("0.{}", True), ("1.old", True), ("\n\ndata: x", True)]
)
async def test_whoever_comes_back_is_told_whether_anything_was_missed(desk, seen, missed) -> None:
    async with desk.stream(seen.format(desk.stamp).encode()) as client:
        await client.part()
        desk.updates.heard("u1", 2)
        first = await client.part()

        assert missed == ('"missed"' in first)
        assert ('"rev":1' if missed else '"rev":2') in first


async def test_a_stranger_may_wait_too(desk) -> None:
    await desk.store.delete_user("u1")
    async with desk.stream() as client:
        assert f"id: 0.{desk.stamp}" in await client.part()


async def test_silence_is_broken_by_a_comment(desk, monkeypatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.01)
    async with desk.stream() as client:
        await client.part()

        assert [":\n\n", ":\n\n"] == [await client.part(), await client.part()]


async def test_many_changes_at_once_are_few_events_the_last_being_the_newest(desk) -> None:
    async with desk.stream() as client:
        await client.part()
        for rev in range(2, 1_002):
            desk.updates.heard("u1", rev)
            if rev % 100 == 0:
                await asyncio.sleep(0)
        parts = [await client.part()]
        while '"rev":1001' not in parts[-1]:
            parts.append(await client.part())

        assert len(parts) <= 3


async def test_whoever_takes_nothing_is_let_go(desk, monkeypatch) -> None:
    monkeypatch.setattr(module, "SEND_S", 0.01)
    async with desk.stream() as client:
        await client.part()
        client.reads.clear()
        desk.updates.heard("u1", 2)
        await until(lambda: not desk.updates._watches)

        assert not client.gone.is_set()


async def test_a_stream_does_not_last_for_ever(desk, monkeypatch) -> None:
    monkeypatch.setattr(module, "LIFE_S", 0.01)
    async with desk.stream() as client:
        await until(lambda: any(not one.get("more_body", True) for one in client.messages))

        assert not client.gone.is_set()


@pytest.mark.parametrize("end", ["shed", "close"])
async def test_whoever_is_sent_away_is_told_when_to_come_back(desk, end: str) -> None:
    async with desk.stream() as client:
        await client.part()
        if end == "shed":
            desk.updates.shed(1)
        else:
            desk.updates.close()

        assert f"retry: {BACK_IN_S[0] * 1000}\n\n" == await client.part()
        assert "" == await client.part()
        assert client.messages[-1]["more_body"] is False


async def test_before_it_begins_a_stream_can_still_be_refused(desk, monkeypatch) -> None:
    async def closed(_user_id: str) -> None:
        raise StoreUnavailable("closed")

    monkeypatch.setattr(desk.store, "user", closed)
    client = Client()
    with pytest.raises(StoreUnavailable):
        await Stream(desk.updates, desk.accounts, desk.current, "u1", b"")(
            {"type": "http"}, client.receive, client.send
        )

    assert not client.messages
    assert not desk.updates._watches
