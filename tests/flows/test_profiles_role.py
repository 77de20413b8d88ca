"""A process of the role profiles makes profiles for other processes, and does nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.api.scopes import check_scopes
from service.app import create_app
from service.settings import Settings
from tests import worlds

QUESTION = {"user_id": "jazz-u0"}


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[AsyncTestClient, AsyncTestClient]]:
    """A process that does everything, and one of the role profiles over the same store."""
    wide = Settings(data_dir=str(tmp_path), store_timeout_ms=5_000)
    async with AsyncTestClient(create_app(wide)) as whole:
        encode = msgspec.json.encode
        assert 200 == (await whole.put("/v1/tracks", content=encode(worlds.tracks()))).status_code
        posted = await whole.post("/v1/listens", content=encode(worlds.listens()))
        assert 202 == posted.status_code
        narrow = create_app(msgspec.structs.replace(wide, role="profiles"))
        async with AsyncTestClient(narrow) as profiles:
            yield whole, profiles


async def test_it_says_what_the_whole_would_say(both) -> None:
    whole, profiles = both
    alone = await profiles.post("/v1/profiles", json=QUESTION)
    together = await whole.post("/v1/profiles", json=QUESTION)

    assert 200 == alone.status_code
    assert together.content == alone.content
    assert "no-store" == alone.headers["cache-control"]
    public = await whole.get("/v1/users/jazz-u0/profile")
    assert public.json() == alone.json()["profile"]


async def test_a_listen_that_was_taken_elsewhere_is_in_the_next_profile(both) -> None:
    whole, profiles = both
    before = (await profiles.post("/v1/profiles", json=QUESTION)).json()["profile"]
    listen = {"user_id": "jazz-u0", "track_id": "jazz00", "action": "like", "id": "new"}
    assert 202 == (await whole.post("/v1/listens", json=listen)).status_code

    after = (await profiles.post("/v1/profiles", json=QUESTION)).json()["profile"]

    assert (1, True) == (after["listens"] - before["listens"], after["rev"] > before["rev"])


async def test_of_nobody_it_says_nothing(both) -> None:
    _, profiles = both
    answer = await profiles.post("/v1/profiles", json={"user_id": "nobody"})

    assert (200, None) == (answer.status_code, answer.json()["profile"])


async def test_it_is_alive_and_ready(both) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert 200 == (await both[1].get(path)).status_code


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/users/jazz-u0/recommendations"),
        ("GET", "/v1/users/jazz-u0/profile"),
        ("POST", "/v1/listens"),
        ("PUT", "/v1/tracks"),
        ("POST", "/v1/strategies/content"),
    ],
)
async def test_lists_and_people_are_not_to_be_found_there(both, method: str, path: str) -> None:
    answer = await both[1].request(method, path, json=[])

    assert 404 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"].partition(";")[0]


def test_its_routes_declare_their_scope() -> None:
    check_scopes(create_app(Settings(role="profiles")).routes)
