"""A process of the role content answers for its strategy, and for nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.api.scopes import check_scopes
from service.app import create_app
from service.settings import Settings
from tests import worlds
from tests.flows.conftest import fit

QUESTION = {"user_id": "jazz-u0"}


@pytest.fixture
async def content(tmp_path: Path) -> AsyncIterator[AsyncTestClient]:
    """Over a store that a process of another role has filled."""
    wide = Settings(data_dir=str(tmp_path), strategy_timeout_ms=5_000, store_timeout_ms=5_000)
    async with AsyncTestClient(create_app(wide)) as whole:
        encode = msgspec.json.encode
        assert 200 == (await whole.put("/v1/tracks", content=encode(worlds.tracks()))).status_code
        posted = await whole.post("/v1/listens", content=encode(worlds.listens()))
        assert 202 == posted.status_code
        await fit(whole)
    narrow = create_app(msgspec.structs.replace(wide, role="content"))
    async with AsyncTestClient(narrow) as opened:
        yield opened


async def test_it_says_what_the_whole_would_say(content: AsyncTestClient, tmp_path: Path) -> None:
    alone = await content.post("/v1/strategies/content", json=QUESTION)
    assert 200 == alone.status_code
    async with AsyncTestClient(create_app(Settings(data_dir=str(tmp_path)))) as whole:
        together = await whole.post("/v1/strategies/content", json=QUESTION)

    assert together.json() == alone.json()
    assert {"artists", "genres", "target", "weights"} == alone.json()["likes"].keys()
    assert len(alone.content) < 4_000


async def test_it_is_alive_and_ready(content: AsyncTestClient) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert 200 == (await content.get(path)).status_code


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/users/jazz-u0/recommendations"),
        ("POST", "/v1/listens"),
        ("GET", "/v1/users/jazz-u0/profile"),
        ("PUT", "/v1/tracks"),
    ],
)
async def test_lists_and_people_are_not_to_be_found_there(
    content: AsyncTestClient, method: str, path: str
) -> None:
    answer = await content.request(method, path, json=[])

    assert 404 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"].partition(";")[0]


def test_its_routes_declare_their_scope() -> None:
    check_scopes(create_app(Settings(role="content")).routes)
