"""What scripts outside the repository rely on: routes, shapes, headers, errors."""

import re
from datetime import datetime

import pytest
from litestar import get
from litestar.testing import AsyncTestClient

from service import app as service_app
from service.api.scopes import MissingScope, check_scopes
from service.app import create_app
from service.base62 import DIGITS
from service.errors import EchoTuneError
from service.settings import Settings
from tests.flows.hostile import IN_OWN_WORDS, ROUTES, routes_of

PAGE = {
    *("user_id", "list_id", "tier", "generated_at", "model_version", "variants"),
    *("strategies", "recommendations"),
}
PROFILE = {
    *("user_id", "rev", "updated_at", "listens", "top_genres", "top_artists"),
    *("audio_preferences", "listening_patterns", "repeat_rate", "discovery_rate", "skip_rate"),
    *("preferences", "demographics", "timezone", "blocked"),
}
LISTEN = {"user_id": "jazz-u0", "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"}
URL = "/v1/users/jazz-u0/recommendations"


def test_every_route_declares_its_scope() -> None:
    check_scopes(create_app(Settings()).routes)


def test_an_undeclared_route_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    @get("/sneaked-in", sync_to_thread=False)
    def sneaked_in() -> str:
        return ""

    monkeypatch.setattr(service_app, "explain_problem", sneaked_in)

    with pytest.raises(MissingScope, match="/sneaked-in"):
        create_app(Settings())


async def test_the_api_description_is_whole(client: AsyncTestClient) -> None:
    """OpenAPI 3.1, every route in it, every reference resolves, every refusal is a problem."""
    answer = await client.get("/schema/openapi.json")
    document = answer.json()
    schemas = document["components"]["schemas"]
    described = {
        f"{method.upper()} {path}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }

    assert document["openapi"].startswith("3.1")
    assert routes_of(client.app) == described.keys()
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', answer.text)) <= schemas.keys()
    for name, operation in described.items():
        problem = operation["responses"]["default"]["content"]
        own = {"application/json"} if name in IN_OWN_WORDS else set()
        assert {"application/problem+json", *own} == problem.keys(), name
        assert any(status.startswith("2") for status in operation["responses"]), name
        assert not any(status.startswith("4") for status in operation["responses"]), name
        assert ("requestBody" in operation) == (ROUTES[name].body is not None), name
        for parameter in operation["parameters"]:
            assert parameter["schema"], (name, parameter["name"])
    names = [operation["operationId"] for operation in described.values()]
    assert len(names) == len(set(names))


async def test_the_api_description_says_what_is_answered(client: AsyncTestClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    metrics = document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    variants = document["components"]["schemas"]["Experiment"]["properties"]["variants"]
    get_track = document["paths"]["/v1/tracks/{track_id}"]["get"]["parameters"][0]["schema"]

    assert {(await client.get("/metrics")).headers["content-type"]} == metrics.keys()
    assert {"$ref": "#/components/schemas/Variant"} == variants["items"]
    assert "pattern" in get_track


async def test_the_api_page_needs_nobody_else(client: AsyncTestClient) -> None:
    page = (await client.get("/schema")).text
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assets = [link for link in links if not link.startswith("data:")]

    assert 3 == len(assets)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", page)
    assert not re.findall(r"@import|url\(\s*[\"']?https?:", page)
    for asset in assets:
        answer = await client.get(asset)
        assert 200 == answer.status_code, asset
        assert len(answer.content) > 1_000
        if asset.endswith(".css"):
            assert not re.findall(r"@import|url\(\s*[\"']?(?:https?:)?//", answer.text)


async def test_the_recommendation_answer(world: AsyncTestClient) -> None:
    answer = await world.get(URL)
    page = answer.json()

    assert page.keys() == PAGE
    assert "jazz-u0" == page["user_id"]
    assert page["tier"] in ("personal", "stale", "segment", "popular")
    assert (await world.get("/v1/models")).json()["current"] == page["model_version"]
    assert {} == page["variants"]
    assert {"collaborative", "content", "context", "trending"} == page["strategies"].keys()
    assert page["generated_at"].endswith("Z")
    assert datetime.fromisoformat(page["generated_at"]).tzinfo is not None
    assert list(range(1, 21)) == [one["rank"] for one in page["recommendations"]]
    for one in page["recommendations"]:
        assert {"rank", "track", "score", "reason"} == one.keys()
        assert {"id", "title", "artist"} == one["track"].keys()
        assert {"stage", "text"} <= one["reason"].keys()
        assert one["reason"].keys() <= {"stage", "text", "seeds", "features"}


async def test_a_list_id_is_eight_bytes_in_base62(world: AsyncTestClient) -> None:
    list_id = (await world.get(URL)).json()["list_id"]
    number = 0
    for digit in list_id:
        number = number * 62 + DIGITS.index(digit)

    assert 11 == len(list_id)
    assert number < 1 << 64


async def test_the_headers_of_a_list(world: AsyncTestClient) -> None:
    miss, hit = await world.get(URL), await world.get(URL)
    tag = miss.headers["etag"]

    assert f'"{miss.json()["list_id"]}-json-br"' == tag == hit.headers["etag"]  # as httpx asks
    for answer, source in ((miss, "miss"), (hit, "local")):
        assert "private, no-cache" == answer.headers["cache-control"]
        assert answer.headers["age"].isdigit()
        assert f"cache;desc={source}" == answer.headers["server-timing"]
        assert "application/json" == answer.headers["content-type"]


@pytest.mark.parametrize("shape", ["{}", "W/{}", '"other", {}', '"other",W/{}', "*"])
async def test_a_list_that_is_known_is_not_sent_again(world: AsyncTestClient, shape: str) -> None:
    tag = (await world.get(URL)).headers["etag"]

    answer = await world.get(URL, headers={"If-None-Match": shape.format(tag)})

    assert (304, b"") == (answer.status_code, answer.content)
    assert tag == answer.headers["etag"]


async def test_what_is_private_is_stored_nowhere(world: AsyncTestClient) -> None:
    for url in ("/v1/users/jazz-u0/profile", "/v1/users/jazz-u0/listens"):
        assert "no-store" == (await world.get(url)).headers["cache-control"]
        missing = await world.get(url.replace("jazz-u0", "nobody"))
        assert "no-store" == missing.headers["cache-control"]
    put = await world.put("/v1/users/jazz-u0", json={})
    assert "no-store" == put.headers["cache-control"]


async def test_receipts(world: AsyncTestClient) -> None:
    mixed = [LISTEN, LISTEN | {"track_id": "nope"}]
    listens = (await world.post("/v1/listens", json=mixed)).json()
    again = (await world.post("/v1/listens", json=LISTEN)).json()
    liked = {"user_id": "jazz-u0", "track_id": "jazz00", "action": "like"}
    feedback = (await world.post("/v1/feedback", json=liked)).json()
    tracks = (await world.put("/v1/tracks", json=[{"id": "a", "title": "b", "artist": "c"}])).json()

    assert {"accepted", "duplicates", "rejected"} == listens.keys() == feedback.keys()
    assert (1, 0, 1) == (listens["accepted"], listens["duplicates"], len(listens["rejected"]))
    assert {"index", "error"} == listens["rejected"][0].keys()
    assert {"accepted": 0, "duplicates": 1, "rejected": []} == again
    assert {"stored": 1, "unchanged": 0, "rejected": []} == tracks


async def test_the_other_shapes(world: AsyncTestClient) -> None:
    async def answer(url: str) -> dict:
        got = await world.get(url)
        assert 200 == got.status_code, got.text
        return got.json()

    near = await answer("/v1/tracks/jazz00/similar?limit=10&user=jazz-u0")
    users = await answer("/v1/users/jazz-u0/similar?limit=5&min=0")
    trends = await answer("/v1/trending")
    models = await answer("/v1/models")
    listens = await answer("/v1/users/jazz-u0/listens?limit=2")

    assert {"track_id", "similar"} == near.keys()
    assert {"rank", "track", "score", "reason"} == near["similar"][0].keys()
    assert {"user_id", "similar"} == users.keys()
    assert {"rank", "user_id", "score"} == users["similar"][0].keys()
    assert {"trending"} == trends.keys()
    assert {"rank", "track", "score"} == trends["trending"][0].keys()
    assert {"current", "models"} == models.keys()
    assert {"version", "fitted_at", "metrics", "verdict"} == models["models"][0].keys()
    assert {"passed", "why", "basis", "champion", "figures"} == models["models"][0][
        "verdict"
    ].keys()
    assert {"user_id", "listens", "next"} == listens.keys()
    assert PROFILE == (await answer("/v1/users/jazz-u0/profile")).keys()
    assert PROFILE == (await world.put("/v1/users/jazz-u0", json={})).json().keys()


async def test_jobs_and_health(client: AsyncTestClient) -> None:
    """An empty service is healthy, and a fit with nothing to learn from says so."""
    started = await client.post("/v1/models")
    job_id = started.json()["job_id"]
    while (job := (await client.get(f"/v1/jobs/{job_id}")).json())["status"] != "failed":
        assert {"job_id", "status", "progress"} == job.keys()
        assert job["status"] in ("queued", "running")

    assert (202, {"job_id"}) == (started.status_code, started.json().keys())
    assert {"job_id", "status", "progress", "error"} == job.keys()
    assert 0 <= job["progress"] <= 1
    for path in ("/health/live", "/health/ready"):
        health = await client.get(path)
        assert (200, {"status", "checks"}) == (health.status_code, health.json().keys())


def every_error(base: type[EchoTuneError] = EchoTuneError) -> list[type[EchoTuneError]]:
    return [base] + [one for child in base.__subclasses__() for one in every_error(child)]


async def test_every_error_has_a_status_and_a_page(client: AsyncTestClient) -> None:
    """A subclass outside service/errors.py is served as its nearest base there."""
    from service.api.problems import PROBLEMS

    for error in set(every_error()) - {EchoTuneError}:
        known = next(base for base in error.__mro__ if base in PROBLEMS)
        if error.__module__ == "service.errors":
            assert known is error, f"{error.__name__} has no row in PROBLEMS"
        status, slug = PROBLEMS[known]
        page = await client.get(f"/problems/{slug}")
        assert 200 == page.status_code
        assert f"{slug} ({status})" in page.text
        assert known.__doc__
        assert known.__doc__ in page.text


async def test_the_four_series_are_there_from_the_start(client: AsyncTestClient) -> None:
    await client.get("/v1/users/nobody/recommendations")
    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    for name, kind in (
        ("recommendation_generation_duration_seconds", "histogram"),
        ("recommendation_cache_hit_rate", "gauge"),
        ("recommendation_user_satisfaction_score", "gauge"),
        ("recommendation_algorithm_accuracy", "gauge"),
    ):
        assert f"# TYPE {name} {kind}\n" in answer.text
    labels = r'recommendation_generation_duration_seconds_count\{algorithm="\w+",user_type="\w+"\}'
    assert re.search(labels, answer.text)
    assert 'recommendation_cache_hit_rate{cache_layer="local"}' in answer.text
