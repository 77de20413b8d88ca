"""Events in over HTTP: what is said when there are too many, and when nobody can be told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.bus import START, FeedbackReceived, ListenStored
from service.bus.redis_streams import RedisStream
from service.settings import Settings
from tests import servers, worlds
from tests.flows.hostile import FEEDBACK, LISTEN, assert_problem

USERS = (LISTEN["user_id"], "u2", "u3")  # what fewer play is no trend


@asynccontextmanager
async def serving(folder: Path, **settings) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A service with the tracks of the small world and nobody in it."""
    app = create_app(Settings(data_dir=str(folder), **settings))
    async with AsyncTestClient(app) as client:
        await client.put("/v1/tracks", content=msgspec.json.encode(worlds.tracks()))
        yield client


def batch(count: int, **more) -> list[dict[str, object]]:
    return [LISTEN | {"id": f"i{number}"} | more for number in range(count)]


async def test_a_user_who_plays_too_much_is_told_so_listen_by_listen(tmp_path: Path) -> None:
    async with serving(tmp_path, user_listens_per_minute=1) as client:
        answer = await client.post("/v1/listens", json=batch(12))
        alone = await client.post("/v1/listens", json=LISTEN)
        other = await client.post("/v1/listens", json=LISTEN | {"user_id": "u2"})

    receipt = answer.json()
    assert (202, 10) == (answer.status_code, receipt["accepted"])
    assert [10, 11] == [one["index"] for one in receipt["rejected"]]
    assert_problem(alone, 400)
    assert "at most 1 plays a minute" in alone.json()["detail"]
    assert 202 == other.status_code


async def test_an_address_that_sends_too_much_is_sent_away_for_a_while(tmp_path: Path) -> None:
    async with serving(tmp_path, source_listens_per_minute=12) as client:
        taken = await client.post("/v1/listens", json=batch(12))
        refused = [
            await client.post("/v1/listens", json=batch(2)),
            await client.post("/v1/feedback", json=FEEDBACK),
        ]
        explained = await client.get("/problems/rate-limited")

    assert 202 == taken.status_code
    for answer in refused:
        assert_problem(answer, 429)
        assert 0 < int(answer.headers["retry-after"]) <= 10
    assert "(429)" in explained.text


async def test_feedback_is_on_the_stream_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        await client.post("/v1/feedback", json=FEEDBACK)
        told = await client.app.state.house.stream.read(START, limit=10)

    assert [ListenStored, FeedbackReceived] == [type(entry.fact) for entry in told][-2:]


async def test_what_nobody_can_be_told_of_is_stored_and_not_acknowledged(tmp_path: Path) -> None:
    """Sent again, it is told again: the learner hears of it, and of nothing twice in effect."""
    port = servers.free_port()
    url = f"redis://127.0.0.1:{port}"
    async with serving(tmp_path, role="api") as client:
        house = client.app.state.house
        house.bus._stream, alone = RedisStream(url), house.bus._stream
        answers = [await client.post("/v1/listens", json=LISTEN) for _ in range(2)]
        house.bus._stream = alone
        again = await client.post("/v1/listens", json=LISTEN)
        stored = await client.get(f"/v1/users/{LISTEN['user_id']}/listens")
        told = [entry.fact for entry in await house.stream.read(START, limit=10)]

    for answer in answers:
        assert_problem(answer, 503)
        assert answer.headers["retry-after"].isdigit()
    assert {"accepted": 0, "duplicates": 1, "rejected": []} == again.json()
    assert 1 == len(stored.json()["listens"])
    last = told[-1]
    assert isinstance(last, ListenStored)
    assert [0] == last.again


@pytest.mark.parametrize("days, flag", [(0, None), (8, "late")])
async def test_a_listen_that_comes_late_says_so_in_the_history(tmp_path, days, flag) -> None:
    now = datetime.now(UTC)
    sent = LISTEN | {"at": (now - timedelta(days=days)).isoformat()}
    after = sent | {"at": now.isoformat(), "track_id": "metal00"}
    async with serving(tmp_path) as client:
        receipt = await client.post("/v1/listens", json=[sent | {"user_id": u} for u in USERS])
        history = await client.get(f"/v1/users/{LISTEN['user_id']}/listens")
        await client.post("/v1/listens", json=[after | {"user_id": u} for u in USERS])
        scores: dict[str, float] = {}
        with anyio.fail_after(10):
            while not scores.get("metal00"):  # once it trends, what came before was heard as well
                trending = (await client.get("/v1/trending")).json()["trending"]
                scores = {one["track"]["id"]: one["score"] for one in trending}
                await anyio.sleep(0.05)

    assert {"accepted": 3, "duplicates": 0, "rejected": []} == receipt.json()
    (listened,) = history.json()["listens"]
    assert flag == listened.get("flag")
    assert (flag is None) == (scores[LISTEN["track_id"]] > 0)
