"""The main job, over HTTP and a real store: listens in, personal and explained lists out."""

import itertools
from datetime import timedelta

import anyio
from litestar.testing import AsyncTestClient

from service.model import current
from tests.flows.conftest import fit
from tests.worlds import TASTES


async def ask(client: AsyncTestClient, user: str, **query) -> dict:
    answer = await client.get(f"/v1/users/{user}/recommendations", params=query)
    assert 200 == answer.status_code, answer.text
    return answer.json()


def ids(page: dict) -> list[str]:
    return [one["track"]["id"] for one in page["recommendations"]]


async def test_everybody_gets_their_own_taste(world: AsyncTestClient) -> None:
    for taste in TASTES:
        page = await ask(world, f"{taste}-u0", limit=5)

        assert "personal" == page["tier"]
        assert [taste] * 5 == [track_id[:-2] for track_id in ids(page)]
        assert all(one["reason"]["text"] for one in page["recommendations"])


async def test_heard_tracks_are_left_out_unless_asked_for(world: AsyncTestClient) -> None:
    heard = {
        one["track_id"] for one in (await world.get("/v1/users/jazz-u0/listens")).json()["listens"]
    }

    discover = set(ids(await ask(world, "jazz-u0", limit=20, mix="discover")))
    familiar = set(ids(await ask(world, "jazz-u0", limit=20, mix="familiar")))

    assert not discover & heard
    assert heard == familiar


async def test_a_dislike_counts_in_the_very_next_list(world: AsyncTestClient) -> None:
    first = ids(await ask(world, "folk-u1"))[0]

    await world.post(
        "/v1/feedback", json={"user_id": "folk-u1", "track_id": first, "action": "dislike"}
    )

    assert first not in ids(await ask(world, "folk-u1"))


async def test_a_first_listen_makes_a_stranger_personal(world: AsyncTestClient) -> None:
    assert "popular" == (await ask(world, "stranger"))["tier"]

    sent = {"id": "1", "user_id": "stranger", "track_id": "metal03"}
    assert 202 == (await world.post("/v1/listens", json=sent)).status_code

    page = await ask(world, "stranger", limit=5)
    assert "personal" == page["tier"]
    assert ["metal"] * 5 == [track_id[:-2] for track_id in ids(page)]


async def test_preferences_alone_are_personal_too(world: AsyncTestClient) -> None:
    settings = {"preferences": {"genres": ["Folk"], "artists": ["Folk Artist 2"]}}

    assert 200 == (await world.put("/v1/users/newcomer", json=settings)).status_code

    page = await ask(world, "newcomer", limit=4)
    assert "personal" == page["tier"]
    assert {"folk"} == {track_id[:-2] for track_id in ids(page)}
    assert "Folk Artist 2" == page["recommendations"][0]["track"]["artist"]
    assert "You asked for Folk Artist 2" == page["recommendations"][0]["reason"]["text"]


async def test_a_track_put_now_can_be_recommended_now(world: AsyncTestClient) -> None:
    """No fit in between: content knows the artist."""
    new = {"id": "fresh", "title": "Fresh", "artist": "Jazz Artist 1", "genres": ["jazz"]}

    await world.put("/v1/tracks", json=[new])

    assert "fresh" in ids(await ask(world, "jazz-u2", limit=20))


async def test_blocks_exclusions_and_explicit_are_obeyed(world: AsyncTestClient) -> None:
    await world.put(
        "/v1/users/jazz-u3",
        json={
            "preferences": {"explicit": False},
            "blocked": {"artists": ["JAZZ ARTIST 0"], "genres": ["metal"], "tracks": ["folk01"]},
        },
    )

    page = await ask(world, "jazz-u3", limit=60, exclude="jazz01,jazz02")

    shown = set(ids(page))
    assert not shown & {"jazz01", "jazz02", "folk01", "jazz19", "folk19"}
    assert not {track_id for track_id in shown if track_id.startswith("metal")}
    assert "Jazz Artist 0" not in {one["track"]["artist"] for one in page["recommendations"]}


async def test_context_moves_the_list_and_says_so(world: AsyncTestClient) -> None:
    page = await ask(world, "stranger", activity="workout", strategy="context", limit=5)

    assert {"context": "ok"} == page["strategies"]
    assert ["metal"] * 5 == [track_id[:-2] for track_id in ids(page)]
    assert page["recommendations"][0]["reason"]["text"].startswith("Fits workout")


async def test_without_context_the_strategy_is_skipped(world: AsyncTestClient) -> None:
    assert "skipped" == (await ask(world, "jazz-u0"))["strategies"]["context"]


async def test_artists_are_spread_out(world: AsyncTestClient) -> None:
    artists = [
        one["track"]["artist"] for one in (await ask(world, "jazz-u4", limit=8))["recommendations"]
    ]

    assert all(first != second for first, second in itertools.pairwise(artists))


async def test_the_same_list_is_the_same_bytes_until_something_changes(
    world: AsyncTestClient,
) -> None:
    url = "/v1/users/metal-u1/recommendations"
    first, second = await world.get(url), await world.get(url)

    assert ("cache;desc=miss", "cache;desc=local") == (
        first.headers["server-timing"],
        second.headers["server-timing"],
    )
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]

    unchanged = await world.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (304, b"") == (unchanged.status_code, unchanged.content)

    await world.post(
        "/v1/feedback", json={"user_id": "metal-u1", "track_id": "metal01", "action": "like"}
    )
    assert "cache;desc=miss" == (await world.get(url)).headers["server-timing"]


async def test_a_duplicate_listen_is_counted_once(world: AsyncTestClient) -> None:
    sent = [
        {"user_id": "jazz-u0", "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"},
        {"user_id": "jazz-u0", "track_id": "jazz00", "at": "2026-03-01T11:00:00+01:00"},
        {"user_id": "jazz-u0", "track_id": "nope", "at": "2026-03-01T10:00:00Z"},
        {"user_id": "jazz-u0", "track_id": "jazz00"},
        17,
    ]

    receipt = (await world.post("/v1/listens", json=sent)).json()

    assert (1, 1) == (receipt["accepted"], receipt["duplicates"])
    assert [2, 3, 4] == sorted(one["index"] for one in receipt["rejected"])


async def test_profile_shows_the_taste(world: AsyncTestClient) -> None:
    profile = (await world.get("/v1/users/folk-u5/profile")).json()

    assert "folk" == profile["top_genres"][0]["name"]
    assert 0.9 == profile["audio_preferences"]["acousticness"]["mean"]
    assert 12 == sum(map(sum, profile["listening_patterns"]))
    assert (0, 1, 0) == (profile["repeat_rate"], profile["discovery_rate"], profile["skip_rate"])


async def test_similar_users_share_the_taste(world: AsyncTestClient) -> None:
    page = (await world.get("/v1/users/jazz-u0/similar", params={"min": 0.3})).json()

    assert page["similar"]
    assert {"jazz"} == {one["user_id"].split("-")[0] for one in page["similar"]}
    assert "jazz-u0" not in {one["user_id"] for one in page["similar"]}
    scores = [one["score"] for one in page["similar"]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.3


async def test_similar_tracks_for_everybody_and_for_one_listener(world: AsyncTestClient) -> None:
    page = (await world.get("/v1/tracks/metal00/similar", params={"limit": 5})).json()
    mine = (await world.get("/v1/tracks/metal00/similar", params={"user": "folk-u0"})).json()

    assert {"metal"} == {one["track"]["id"][:-2] for one in page["similar"]}
    assert all(one["reason"]["text"] for one in page["similar"])
    assert "metal00" not in {one["track"]["id"] for one in page["similar"]}
    assert mine["similar"] != page["similar"]


async def test_trending_counts_plays_of_now(world: AsyncTestClient, monkeypatch) -> None:
    """Once the learner has heard of them, which is within a second."""
    monkeypatch.setattr(current, "TRENDING_REFRESH", timedelta(0))
    for user in range(30):
        sent = {"id": "hot", "user_id": f"fan{user}", "track_id": "folk07"}
        await world.post("/v1/listens", json=sent)
    with anyio.fail_after(60):
        while True:
            page = (await world.get("/v1/trending", params={"limit": 3})).json()
            if page["trending"][0]["track"]["id"] == "folk07":
                break
            await anyio.sleep(0.05)

    assert [1, 2, 3] == [one["rank"] for one in page["trending"]]


async def test_models_are_listed_and_brought_back(world: AsyncTestClient) -> None:
    first = (await world.get("/v1/models")).json()["current"]
    await fit(world)
    second = (await world.get("/v1/models")).json()["current"]

    back = (await world.post(f"/v1/models/{first}/activate")).json()

    assert first != second
    assert first == back["current"]
    assert {first, second} == {one["version"] for one in back["models"]}
    assert first == (await ask(world, "jazz-u0"))["model_version"]


async def test_an_erased_user_is_gone(world: AsyncTestClient) -> None:
    job_id = (await world.delete("/v1/users/jazz-u7")).json()["job_id"]
    while (await world.get(f"/v1/jobs/{job_id}")).json()["status"] != "done":
        pass

    assert 404 == (await world.get("/v1/users/jazz-u7/profile")).status_code
    assert "popular" == (await ask(world, "jazz-u7"))["tier"]


async def test_listens_are_paged_to_the_last(world: AsyncTestClient) -> None:
    url, seen, cursor = "/v1/users/jazz-u1/listens", [], ""
    while cursor is not None:
        query = {"limit": 5} | ({"before": cursor} if cursor else {})
        page = (await world.get(url, params=query)).json()
        seen += [one["id"] for one in page["listens"]]
        cursor = page["next"]

    assert 12 == len(seen) == len(set(seen))


async def test_metrics_fill_as_soon_as_there_is_something_to_say(world: AsyncTestClient) -> None:
    await ask(world, "jazz-u0")
    sent = {"user_id": "jazz-u0", "track_id": "jazz00", "action": "rating", "rating": 4.5}
    await world.post("/v1/feedback", json=sent)

    text = (await world.get("/metrics")).text

    assert 'recommendation_user_satisfaction_score{time_period="24h"} 4.5' in text
    assert 'recommendation_cache_hit_rate{cache_layer="local"}' in text
    assert 'recommendation_generation_duration_seconds_count{algorithm="hybrid"' in text
    assert 'recommendation_algorithm_accuracy{algorithm="hybrid",metric_type="ndcg"}' in text


async def test_health_says_what_is_there(world: AsyncTestClient) -> None:
    ready = (await world.get("/health/ready")).json()

    assert "60 tracks" == ready["checks"]["catalogue"]
    assert "ok" == (await world.get("/health/live")).json()["status"]


async def test_wishes_beat_what_everybody_plays(world: AsyncTestClient) -> None:
    """A fitted model may trust content little; somebody without listens has nothing else."""
    for user in range(40):
        await world.post(
            "/v1/listens", json={"id": "1", "user_id": f"fan{user}", "track_id": "metal05"}
        )
    await fit(world)
    await world.put("/v1/users/calm", json={"preferences": {"genres": ["jazz"]}})

    assert {"jazz"} == {track_id[:-2] for track_id in ids(await ask(world, "calm", limit=5))}
