"""Answers that nobody keeps are compressed as they go out."""

import pytest
from litestar.testing import AsyncTestClient

from service.api.compression import MOST_ON_LOOP

URLS = (
    "/v1/users/jazz-u0/profile",
    "/v1/users/jazz-u0/listens",
    "/v1/users/jazz-u0/similar?min=0",
    "/v1/tracks/jazz00/similar",
    "/v1/trending",
)
LISTEN = {"user_id": "busy", "track_id": "jazz00"}


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
@pytest.mark.parametrize("url", URLS)
async def test_any_coding_says_the_same(world: AsyncTestClient, url: str, coding: str) -> None:
    plain = await world.get(url, headers={"Accept-Encoding": "identity"})
    answer = await world.get(url, headers={"Accept-Encoding": coding})

    assert plain.json() == answer.json()
    assert coding == answer.headers["content-encoding"]
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" == answer.headers["vary"] == plain.headers["vary"]
    assert int(answer.headers["content-length"]) < int(plain.headers["content-length"])
    assert len(plain.content) == int(plain.headers["content-length"])


async def test_a_no_is_a_no(world: AsyncTestClient) -> None:
    answer = await world.get("/v1/trending", headers={"Accept-Encoding": "br;q=0, gzip;q=0.1"})

    assert "gzip" == answer.headers["content-encoding"]


async def test_small_answers_and_problems_stay_as_they_are(client: AsyncTestClient) -> None:
    for url in ("/v1/trending", "/v1/users/nobody/profile", "/v1/trending?limit=0"):
        answer = await client.get(url)
        assert "content-encoding" not in answer.headers, url
        assert len(answer.content) == int(answer.headers["content-length"])


async def test_a_large_answer(world: AsyncTestClient) -> None:
    """A thousand listens are compressed beside the event loop."""
    listens = [LISTEN | {"at": "2026-03-01T10:00:00Z", "id": f"l{n}"} for n in range(1_000)]
    assert 202 == (await world.post("/v1/listens", json=listens)).status_code
    answer = await world.get("/v1/users/busy/listens?limit=1000")

    assert 1_000 == len(answer.json()["listens"])
    assert MOST_ON_LOOP < len(answer.content)
    assert int(answer.headers["content-length"]) < len(answer.content) / 5
    assert "no-store" == answer.headers["cache-control"]
