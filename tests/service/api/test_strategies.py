"""One strategy over HTTP, for another process that makes the list."""

import pytest
from litestar.testing import AsyncTestClient

from tests import worlds
from tests.flows.conftest import client, world

__all__ = ["client", "world"]

SIZE = len(worlds.tracks())


async def test_a_strategy_names_the_tracks_it_likes_best_with_their_scores(
    world: AsyncTestClient,
) -> None:
    asked = {"user_id": "jazz-u0", "limit": 4}
    answer = await world.post("/v1/strategies/collaborative", json=asked)

    assert 200 == answer.status_code
    said = answer.json()["parts"]["collaborative"]
    assert (4, 4) == (len(said["track_ids"]), len(said["scores"]))
    assert all(track_id.startswith("jazz") for track_id in said["track_ids"])
    assert sorted(said["scores"], reverse=True) == said["scores"]
    assert said["rest"] < said["scores"][-1]


@pytest.mark.parametrize("name", ["content", "collaborative"])
async def test_about_somebody_unknown_a_strategy_has_nothing_to_say(
    world: AsyncTestClient, name: str
) -> None:
    for asked in ({"user_id": "nobody"}, {}):
        answer = await world.post(f"/v1/strategies/{name}", json=asked)
        said = answer.json()
        assert (200, {}) == (answer.status_code, said["parts"])
        assert not any((said["likes"] or {}).values())


async def test_what_is_played_now_is_the_same_for_everybody(world: AsyncTestClient) -> None:
    asked = {"context": {"mood": "sad"}, "limit": SIZE}
    said = (await world.post("/v1/strategies/trending", json=asked)).json()["parts"]["trending"]

    assert (SIZE, None) == (len(said["track_ids"]), said["rest"])
    assert {"context"} == (await world.post("/v1/strategies/context", json=asked)).json()[
        "parts"
    ].keys()


@pytest.mark.parametrize(
    "body",
    ["", "[]", '{"limit": 0}', '{"limit": 10001}', '{"user_id": null}', '{"x": 1}'],
)
async def test_a_question_that_is_none_is_refused(client: AsyncTestClient, body: str) -> None:
    answer = await client.post("/v1/strategies/content", content=body)

    assert (400, "/problems/invalid") == (answer.status_code, answer.json()["type"])


async def test_a_strategy_that_is_none_is_not_found(client: AsyncTestClient) -> None:
    answer = await client.post("/v1/strategies/taste", content="{}")

    assert (404, "/problems/unknown-strategy") == (answer.status_code, answer.json()["type"])
