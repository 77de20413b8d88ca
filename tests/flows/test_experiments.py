"""An experiment from draft to report, over HTTP, against the running service."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.domain import Experiment
from service.experiments.report import Report

DRAFT = {
    "name": "more-new",
    "variants": [{"name": "control"}, {"name": "new", "settings": {"strategies": "trending"}}],
    "allocation": 1.0,
    "guardrails": [{"metric": "skip_rate", "most_loss": 0.1}],
}
USERS = [f"{kind}-u{number}" for kind in ("jazz", "metal", "folk") for number in range(6)]


async def made(client: AsyncTestClient, **more) -> dict:
    answer = await client.post("/v1/experiments", json=DRAFT | more)
    assert 201 == answer.status_code, answer.text
    return answer.json()


async def told(client: AsyncTestClient, verb: str, name: str = "more-new") -> dict:
    answer = await client.post(f"/v1/experiments/{name}/{verb}")
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def page(client: AsyncTestClient, user_id: str) -> dict:
    answer = await client.get(f"/v1/users/{user_id}/recommendations?limit=5")
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def shown(client: AsyncTestClient) -> None:
    """The second after: what was shown is kept."""
    await client.app.state.house.exposure.step()


async def test_everybody_is_in_one_variant_which_makes_their_lists(
    world: AsyncTestClient,
) -> None:
    before = {user: await page(world, user) for user in USERS}
    await made(world)
    assert [{}] * len(USERS) == [(await page(world, user))["variants"] for user in USERS]
    await told(world, "start")
    pages = {user: await page(world, user) for user in USERS}

    assert {"control", "new"} == {one["variants"]["more-new"] for one in pages.values()}
    for user, one in pages.items():
        is_new = one["variants"]["more-new"] == "new"
        assert is_new == (list(one["strategies"]) == ["trending"])
        same = [each["track"] for each in one["recommendations"]] == [
            each["track"] for each in before[user]["recommendations"]
        ]
        assert same or is_new
        asked = (await world.get(f"/v1/users/{user}/assignments")).json()
        assert {"user_id": user, "assignments": one["variants"]} == asked

    await told(world, "stop")
    assert [before[user]["list_id"] for user in USERS] == [
        (await page(world, user))["list_id"] for user in USERS
    ]


async def test_kept_lists_of_two_variants_are_never_mixed(world: AsyncTestClient) -> None:
    await made(world)
    await told(world, "start")
    first = {user: await page(world, user) for user in USERS}
    again = {user: await world.get(f"/v1/users/{user}/recommendations?limit=5") for user in USERS}

    for user, answer in again.items():
        assert "cache;desc=local" == answer.headers["server-timing"]
        assert first[user] == answer.json()


async def test_strangers_get_the_list_of_their_variant(world: AsyncTestClient) -> None:
    await made(world)
    await told(world, "start")
    pages = [await page(world, f"stranger{number}") for number in range(20)]

    for one in pages:
        is_new = one["variants"]["more-new"] == "new"
        assert is_new == (list(one["strategies"]) == ["trending"])
    assert 20 == len({one["list_id"] for one in pages})


async def test_a_report_counts_users_lists_and_clicks_once(world: AsyncTestClient) -> None:
    await made(world)
    await told(world, "start")
    now = datetime.now(UTC)
    for user in USERS:
        one = await page(world, user)
        await page(world, user)
        track = one["recommendations"][0]["track"]["id"]
        sent = {
            "id": "click", "user_id": user, "track_id": track, "list_id": one["list_id"],
            "ms_played": 200_000, "at": (now + timedelta(seconds=1)).isoformat(),
        }  # fmt: skip
        assert 202 == (await world.post("/v1/listens", json=sent)).status_code
    await shown(world)
    await shown(world)

    answer = await world.get("/v1/experiments/more-new/report")
    report = msgspec.json.decode(answer.content, type=Report)
    assert len(USERS) == sum(arm.users for arm in report.arms)
    assert len(USERS) == sum(arm.lists for arm in report.arms)
    assert len(USERS) == sum(arm.clicked for arm in report.arms)
    assert {"not yet"} == {one.state for one in report.guardrails}
    clicks = next(one for one in report.comparisons if one.metric == "click_through")
    assert (1.0, 1.0) == (clicks.control_value, clicks.variant_value)

    text = await world.get("/v1/experiments/more-new/report?format=text")
    html = await world.get("/v1/experiments/more-new/report?format=html")
    assert "more-new" in text.text
    assert html.text.lstrip().lower().startswith("<!doctype html>")
    assert 400 == (await world.get("/v1/experiments/more-new/report?format=pdf")).status_code


async def test_a_list_that_was_only_made_ahead_counts_for_nothing(world: AsyncTestClient) -> None:
    await made(world)
    await told(world, "start")
    path = "/v1/users/jazz-u0/recommendations"
    await world.get(path, headers={"Sec-Purpose": "prefetch"})
    await shown(world)
    ahead = msgspec.json.decode(
        (await world.get("/v1/experiments/more-new/report")).content, type=Report
    )
    await world.get(path)
    await shown(world)
    world.app.state.house.reports._kept.clear()
    looked = msgspec.json.decode(
        (await world.get("/v1/experiments/more-new/report")).content, type=Report
    )

    assert (0, 1) == tuple(sum(arm.users for arm in one.arms) for one in (ahead, looked))


async def test_of_an_erased_user_no_list_is_left(world: AsyncTestClient) -> None:
    await made(world)
    await told(world, "start")
    await page(world, "jazz-u0")
    house = world.app.state.house
    await shown(world)
    since = datetime(2000, 1, 1, tzinfo=UTC)
    assert [["jazz-u0"]] == [[o.user_id for o in some] async for some in house.store.shown(since)]

    await page(world, "jazz-u1")
    house.exposure.fold()  # noted, and not kept yet
    for user in ("jazz-u0", "jazz-u1"):
        await house.accounts.erase_now(user)
    await shown(world)

    assert [] == [some async for some in house.store.shown(since)]


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"name": "no spaces"}, "name"),
        ({"variants": [{"name": "alone"}]}, "variants"),
        ({"variants": [{"name": "a"}, {"name": "a"}]}, "one name"),
        ({"variants": [{"name": "a"}, {"name": "b", "settings": {"gamma": 1}}]}, "gamma"),
        ({"variants": [{"name": "a"}, {"name": "b", "settings": {"balance": 9}}]}, "balance"),
        (
            {"variants": [{"name": "a"}, {"name": "b", "settings": {"strategies": "magic"}}]},
            "strategies are some of",
        ),
        ({"audience": {"gender": "x"}}, "audience"),
        ({"guardrails": [{"metric": "mood", "most_loss": 0.1}]}, "no metric"),
        ({"overrides": {"jazz-u0": "nobody"}}, "overrides"),
        ({"starts": "2026-12-01T00:00:00Z", "ends": "2026-11-01T00:00:00Z"}, "end before"),
        ({"status": "running"}, "status"),
        ({"buckets": [[0, 10_000]]}, "buckets"),
    ],
)
async def test_a_draft_that_makes_no_sense_is_refused(client: AsyncTestClient, changed, said):
    answer = await client.post("/v1/experiments", json=DRAFT | changed)

    assert 400 == answer.status_code
    assert re.search(said, answer.json()["detail"])
    assert [] == (await client.get("/v1/experiments")).json()["experiments"]


async def test_what_contradicts_the_state_is_a_conflict(client: AsyncTestClient) -> None:
    await made(client)
    again = await client.post("/v1/experiments", json=DRAFT)
    stopped = await client.post("/v1/experiments/more-new/stop")
    await told(client, "start")
    twice = await client.post("/v1/experiments/more-new/start")
    early = await client.post("/v1/experiments/more-new/archive")
    smaller = await client.patch("/v1/experiments/more-new", json={"allocation": 0.5})
    await made(client, name="same-key")
    both = await client.post("/v1/experiments/same-key/start")
    unknown = await client.post("/v1/experiments/nobody/start")

    conflicts = [again, stopped, twice, early, smaller, both]
    assert [409] * 6 == [one.status_code for one in conflicts], [one.text for one in conflicts]
    assert (404, "/problems/unknown-experiment") == (unknown.status_code, unknown.json()["type"])
    await told(client, "stop")
    kept = await told(client, "archive")
    assert ("archived", True) == (kept["status"], kept["ends"] is not None)
    assert 409 == (await client.post("/v1/experiments/more-new/start")).status_code


async def test_it_grows_and_somebody_tests_a_variant(world: AsyncTestClient) -> None:
    await made(world, allocation=0.0, overrides={"jazz-u0": "new"})
    await told(world, "start")
    before = [(await page(world, user))["variants"] for user in USERS]
    grown = await world.patch(
        "/v1/experiments/more-new", json={"allocation": 1.0, "overrides": {"jazz-u0": "control"}}
    )
    after = [(await page(world, user))["variants"] for user in USERS]

    assert [{"more-new": "new"}, *[{}] * (len(USERS) - 1)] == before
    assert {"more-new": "control"} == after[0]
    assert all(after)
    assert 1.0 == msgspec.json.decode(grown.content, type=Experiment).allocation


async def test_an_audience_is_found_by_what_users_told(world: AsyncTestClient) -> None:
    await made(world, audience={"country": "DE"})
    await told(world, "start")
    told_us = {"demographics": {"country": "DE"}}
    outside = (await page(world, "jazz-u0"))["variants"]
    await world.put("/v1/users/jazz-u0", json=told_us)

    assert {} == outside
    assert "more-new" in (await page(world, "jazz-u0"))["variants"]
    assert {} == (await page(world, "jazz-u1"))["variants"]
