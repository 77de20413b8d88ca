"""When a part breaks: the others answer, and the client learns what to do but nothing inside."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import AsyncTestClient
from msgspec import structs

from service.app import create_app
from service.cache.revs import Revs
from service.cache.two_level import Load, Served, TwoLevel
from service.domain import Listen, Strategy, User
from service.recommend.ask import Ask, Listener
from service.recommend.parts import Parts
from service.recommend.recommender import Recommender
from service.recommend.retrieval import STRATEGIES, Score
from service.settings import Settings
from service.store.protocol import Appended
from service.store.sqlite import SqliteStore
from tests.flows.hostile import FEEDBACK, LISTEN, ROUTES, TRACK, assert_problem, send

SECRET = "sqlite3 at /srv/echotune/secret.db said: no such column: password"
URL = "/v1/users/jazz-u0/recommendations"
READ_FROM_STORE = [
    "GET /v1/users/{user_id}/profile",
    "GET /v1/users/{user_id}/export",
    "GET /v1/users/{user_id}/listens",
    "GET /v1/users/{user_id}/similar",
    "GET /v1/users/{user_id}/updates",
    "GET /v1/tracks/{track_id}",
    "DELETE /v1/users/{user_id}",
]
WRITTEN_TO_STORE = [
    "POST /v1/listens",
    "POST /v1/feedback",
    "PUT /v1/tracks",
    "PUT /v1/users/{user_id}",
]


def explode(*_: Any) -> Parts:
    raise RuntimeError(SECRET)


def dawdle(*_: Any) -> Parts:
    time.sleep(0.3)
    return {}


class Noted(TwoLevel):
    """A cache that remembers for how long the answers it gave may be served."""

    def __init__(self) -> None:
        super().__init__(1 << 20, Revs())
        self.ttls: list[float] = []

    async def get(self, user_id: str, key: str, load: Load) -> Served:
        served = await super().get(user_id, key, load)
        assert served is not None
        self.ttls.append(served[0].fresh_s + served[0].stale_s)
        return served


def with_strategies(
    client: AsyncTestClient, changed: Mapping[Strategy, Score], *, timeout_s: float = 5.0
) -> Noted:
    """Let the running application ask these strategies instead."""
    house, cache = client.app.state.house, Noted()
    recommender = Recommender(
        house.store,
        house.current,
        cache,
        timeout_s=timeout_s,
        strategies={**STRATEGIES, **changed},
    )
    client.app.state.house = structs.replace(house, recommender=recommender)
    return cache


async def test_a_strategy_that_raises_is_left_out_and_named(world: AsyncTestClient) -> None:
    cache = with_strategies(world, {"content": explode})

    answer = await world.get(URL)

    page = answer.json()
    assert {"content": "failed", "collaborative": "ok", "trending": "ok"} == {
        name: page["strategies"][name] for name in ("content", "collaborative", "trending")
    }
    assert 20 == len(page["recommendations"])
    assert "personal" == page["tier"]
    assert SECRET not in answer.text
    assert max(cache.ttls) <= 5


async def test_a_strategy_that_is_late_is_left_out_and_named(world: AsyncTestClient) -> None:
    cache = with_strategies(world, {"trending": dawdle}, timeout_s=0.1)

    page = (await world.get(URL)).json()

    assert "late" == page["strategies"]["trending"]
    assert "ok" == page["strategies"]["collaborative"]
    assert page["recommendations"]
    assert max(cache.ttls) <= 5


async def test_with_no_strategy_left_there_is_still_a_list(world: AsyncTestClient) -> None:
    cache = with_strategies(world, dict.fromkeys(STRATEGIES, explode))

    answer = await world.get(URL)

    assert (200, "popular") == (answer.status_code, answer.json()["tier"])
    assert {"failed"} == set(answer.json()["strategies"].values())
    assert answer.json()["recommendations"]
    assert max(cache.ttls) <= 5


async def test_a_whole_list_is_kept_longer(world: AsyncTestClient) -> None:
    """The control: without it, the bound above would hold for a cache that keeps nothing."""
    cache = with_strategies(world, {})

    await world.get(URL)

    assert min(cache.ttls) > 5


async def test_a_score_that_is_no_number_is_not_sent(world: AsyncTestClient) -> None:
    def broken(view: Any, _listener: Listener, _ask: Ask) -> Parts:
        scores = view.trending.copy()
        scores[::2] = float("nan")
        return {"trending": scores}

    with_strategies(world, {"trending": broken})

    page = (await world.get(URL)).json()

    assert page["recommendations"]
    assert all(isinstance(one["score"], float) for one in page["recommendations"])


@pytest.mark.parametrize("name", [*READ_FROM_STORE, *WRITTEN_TO_STORE])
async def test_a_closed_store_is_said_to_be_unavailable(world: AsyncTestClient, name: str) -> None:
    await world.app.state.house.store.close()

    answer = await send(world, name, json=ROUTES[name].body)

    problem = assert_problem(answer, 503)
    assert "/problems/store-unavailable" == problem["type"]
    assert int(answer.headers["retry-after"]) > 0


async def test_a_list_needs_no_store_and_says_so(world: AsyncTestClient) -> None:
    kept = (await world.get(URL, params={"limit": 3})).json()
    await world.post("/v1/listens", json=LISTEN | {"user_id": "jazz-u0", "track_id": "jazz00"})
    await world.app.state.house.store.close()

    old = await world.get(URL, params={"limit": 3})
    new = await world.get("/v1/users/jazz-u1/recommendations")
    nobody = await world.get("/v1/users/stranger/recommendations")

    assert [200] * 3 == [old.status_code, new.status_code, nobody.status_code]
    assert kept | {"tier": "stale"} == old.json()
    assert new.json()["tier"] in ("segment", "popular")  # segments follow a fit within a second
    assert "popular" == nobody.json()["tier"]
    assert "age" in old.headers


async def test_readiness_follows_the_store_and_liveness_does_not(world: AsyncTestClient) -> None:
    await world.app.state.house.store.close()
    ready, live = await world.get("/health/ready"), await world.get("/health/live")

    assert (503, "unavailable") == (ready.status_code, ready.json()["status"])
    assert {"status", "checks"} == ready.json().keys()
    assert 200 == live.status_code


async def test_similar_users_before_the_first_fit(client: AsyncTestClient) -> None:
    await client.put("/v1/tracks", json=[TRACK])
    await client.post("/v1/listens", json=LISTEN)

    answer = await client.get("/v1/users/jazz-u0/similar")

    problem = assert_problem(answer, 503)
    assert "/problems/model-not-ready" == problem["type"]
    assert "POST /v1/models" in problem["detail"]
    assert "retry-after" in answer.headers


class BrokenStore(SqliteStore):
    """What a bug in an adapter looks like from outside."""

    async def append(self, listens: Sequence[Listen]) -> Appended:
        raise RuntimeError(SECRET)

    async def user(self, user_id: str) -> User | None:
        raise RuntimeError(SECRET)


@pytest.fixture
async def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncTestClient]:
    """A service whose store has a bug."""
    monkeypatch.setattr("service.adapters.SqliteStore", BrokenStore)
    app = create_app(Settings(data_dir=str(tmp_path)))
    async with AsyncTestClient(app, raise_server_exceptions=False) as opened:
        await opened.put("/v1/tracks", json=[TRACK])
        yield opened


@pytest.mark.parametrize("name", ["POST /v1/listens", "GET /v1/users/{user_id}/profile"])
async def test_a_bug_is_not_explained_to_strangers(
    broken: AsyncTestClient, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log gets everything, the client gets a 500 without a word about the inside."""
    answer = await send(broken, name, json=ROUTES[name].body)

    assert_problem(answer, 500)
    for word in ("sqlite", "secret", "password", "RuntimeError", "File"):
        assert word not in answer.text
    assert "unexpected error" in "".join(capfd.readouterr())


async def test_running_jobs_are_not_started_twice(world: AsyncTestClient) -> None:
    answers = await asyncio.gather(*(world.post("/v1/models") for _ in range(5)))

    assert [202] * 5 == [answer.status_code for answer in answers]
    assert 1 == len({answer.json()["job_id"] for answer in answers})


async def test_feedback_on_nothing_is_refused(client: AsyncTestClient) -> None:
    problem = assert_problem(await client.post("/v1/feedback", json=FEEDBACK), 400)

    assert "/problems/invalid-listen" == problem["type"]
    assert "jazz00" in problem["detail"]
