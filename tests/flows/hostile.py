"""Every route with a request that works, and what a refusal must look like.

`ROUTES` is compared with the application's own list of routes, so a new route has to say here what
it takes before any test of the hostile ones passes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient
from msgspec import Struct

PROBLEM = "application/problem+json"
TRACK = {"id": "jazz00", "title": "Jazz Song 0", "artist": "Jazz Artist 0"}
LISTEN = {"user_id": "jazz-u0", "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"}
EXPERIMENT = {"name": "calm", "variants": [{"name": "control"}, {"name": "new"}]}
EVALUATED = {"context": {"targetingKey": "jazz-u0"}}
FEEDBACK = {"user_id": "jazz-u0", "track_id": "jazz00", "action": "like"}


class Route(Struct, frozen=True, kw_only=True):
    """One method of one path; `url` fills in the path parameters with what exists."""

    url: str
    noun: str = ""  # what its path parameter names
    takes: tuple[str, ...] = ()  # query parameters
    body: Any = None  # one that works
    most_bytes: int = 0


ROUTES: dict[str, Route] = {
    "GET /v1/users/{user_id}/recommendations": Route(
        url="/v1/users/jazz-u0/recommendations",
        noun="user_id",
        takes=(
            *("limit", "strategy", "activity", "mood", "device"),
            *("at", "timezone", "mix", "exclude", "explain", "flow", "fields"),
        ),
    ),
    "GET /v1/users/{user_id}/profile": Route(url="/v1/users/jazz-u0/profile", noun="user_id"),
    "GET /v1/users/{user_id}/export": Route(url="/v1/users/jazz-u0/export", noun="user_id"),
    "GET /v1/users/{user_id}/listens": Route(
        url="/v1/users/jazz-u0/listens", noun="user_id", takes=("limit", "before")
    ),
    "GET /v1/users/{user_id}/similar": Route(
        url="/v1/users/jazz-u0/similar", noun="user_id", takes=("limit", "min")
    ),
    "GET /v1/users/{user_id}/updates": Route(url="/v1/users/jazz-u0/updates", noun="user_id"),
    "PUT /v1/users/{user_id}": Route(
        url="/v1/users/jazz-u0", noun="user_id", body={"timezone": "UTC"}, most_bytes=64 << 10
    ),
    "DELETE /v1/users/{user_id}": Route(url="/v1/users/jazz-u0", noun="user_id"),
    "POST /v1/listens": Route(url="/v1/listens", body=LISTEN, most_bytes=2_000_000),
    "POST /v1/feedback": Route(url="/v1/feedback", body=FEEDBACK, most_bytes=64 << 10),
    "PUT /v1/tracks": Route(url="/v1/tracks", body=[TRACK], most_bytes=4_000_000),
    "GET /v1/tracks/{track_id}": Route(url="/v1/tracks/jazz00", noun="track_id"),
    "GET /v1/tracks/{track_id}/similar": Route(
        url="/v1/tracks/jazz00/similar", noun="track_id", takes=("limit", "user")
    ),
    "GET /v1/trending": Route(url="/v1/trending", takes=("limit",)),
    "GET /v1/models": Route(url="/v1/models"),
    "POST /v1/models": Route(url="/v1/models"),
    "POST /v1/models/{version}/activate": Route(
        url="/v1/models/20260101T000000-0000/activate", noun="version"
    ),
    "POST /v1/users/{user_id}/recommendations/jobs": Route(
        url="/v1/users/jazz-u0/recommendations/jobs", noun="user_id"
    ),
    "POST /v1/jobs": Route(url="/v1/jobs", body={"kind": "precompute"}, most_bytes=64 << 10),
    "GET /v1/jobs": Route(url="/v1/jobs"),
    "GET /v1/jobs/dead": Route(url="/v1/jobs/dead"),
    "GET /v1/jobs/{job_id}": Route(url="/v1/jobs/0", noun="job_id"),
    "DELETE /v1/jobs/{job_id}": Route(url="/v1/jobs/0", noun="job_id"),
    "POST /v1/jobs/{job_id}/replay": Route(url="/v1/jobs/0/replay", noun="job_id"),
    "GET /v1/experiments": Route(url="/v1/experiments"),
    "POST /v1/experiments": Route(url="/v1/experiments", body=EXPERIMENT, most_bytes=64 << 10),
    "GET /v1/experiments/{name}": Route(url="/v1/experiments/nobody", noun="name"),
    "PATCH /v1/experiments/{name}": Route(
        url="/v1/experiments/nobody", noun="name", body={"allocation": 0.2}, most_bytes=64 << 10
    ),
    "POST /v1/experiments/{name}/start": Route(url="/v1/experiments/nobody/start", noun="name"),
    "POST /v1/experiments/{name}/stop": Route(url="/v1/experiments/nobody/stop", noun="name"),
    "POST /v1/experiments/{name}/archive": Route(url="/v1/experiments/nobody/archive", noun="name"),
    "GET /v1/experiments/{name}/report": Route(
        url="/v1/experiments/nobody/report", noun="name", takes=("format",)
    ),
    "GET /v1/users/{user_id}/assignments": Route(
        url="/v1/users/jazz-u0/assignments", noun="user_id"
    ),
    "POST /ofrep/v1/evaluate/flags": Route(
        url="/ofrep/v1/evaluate/flags", body=EVALUATED, most_bytes=64 << 10
    ),
    "POST /ofrep/v1/evaluate/flags/{key}": Route(
        url="/ofrep/v1/evaluate/flags/nobody", noun="key", body=EVALUATED, most_bytes=64 << 10
    ),
    "POST /v1/strategies/{name}": Route(
        url="/v1/strategies/content",
        noun="name",
        body={"user_id": "jazz-u0"},
        most_bytes=64 << 10,
    ),
    "POST /v1/profiles": Route(
        url="/v1/profiles", body={"user_id": "jazz-u0"}, most_bytes=64 << 10
    ),
    "GET /v1/events/dead": Route(url="/v1/events/dead"),
    "POST /v1/events/dead/{place}/replay": Route(url="/v1/events/dead/0-0/replay", noun="place"),
    "GET /v1/events/traces": Route(url="/v1/events/traces", takes=("limit",)),
    "GET /v1/insights": Route(url="/v1/insights", takes=("format",)),
    "GET /health/live": Route(url="/health/live"),
    "GET /health/ready": Route(url="/health/ready"),
    "GET /metrics": Route(url="/metrics"),
    "GET /problems/{slug}": Route(url="/problems/not-found", noun="slug"),
}
IN_OWN_WORDS = [name for name in ROUTES if "/ofrep/" in name]
"""Routes of somebody else's protocol, with refusals of its own and tests for them."""
WITH_BODY = [
    name for name, route in ROUTES.items() if route.body is not None and name not in IN_OWN_WORDS
]
WITH_QUERY = [name for name, route in ROUTES.items() if route.takes]
WITH_ID = [name for name, route in ROUTES.items() if route.noun and name not in IN_OWN_WORDS]

LONG = "x" * 5_000

# Query strings as they come over the wire, by the parameter they attack.
INSTANT = "2026-03-01T10:00:00Z"
WRONG_VALUES: dict[str, tuple[str, ...]] = {
    "limit": (
        *(
            "0",
            "-1",
            "1000000000",
            "abc",
            "1e3",
            "1e1",
            "",
            "null",
            "20.5",
            "%2B5",
            "+5",
            "NaN",
            "true",
        ),
        *("9223372036854775808", "1" + "0" * 400, "%00", "%d9%a1%d9%a0", "0x10", "1%0a"),
    ),
    "strategy": ("", "HYBRID", "none", "hybrid%00", "hybrid%0a", "null", LONG),
    "activity": ("", "swimming", "Workout", "null"),
    "mood": ("", "angry", "null"),
    "device": ("", "fridge", "null"),
    "mix": ("", "all", "null"),
    "format": ("", "pdf", "JSON", "text%00", "null", LONG),
    "explain": ("", "2", "-1", "yes", "true", "null"),
    "flow": ("", "2", "-1", "yes", "true", "null"),
    "fields": ("nope", ",", "score,", "track.", "track.genres", "SCORE", "score, rank", "a" * 201),
    "at": (
        *(
            "",
            "now",
            "null",
            "1e9",
            "1700000000",
            "2026-03-01",
            "2026-03-01T10:00:00",
            "0000-01-01T00:00:00Z",
        ),
        *("2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "10000-01-01T00:00:00Z", "1e300"),
        *("NaN", "2026-03-01T10:00:00Z%00", "99999999999999999999", "2026-03-01T10:00:00%2B99:00"),
    ),
    "timezone": (
        *("", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "%00", "UTC%00", "Mars/Olympus"),
        *("Europe", "zone.tab", "..", "%0a", "UTC%0a", "%2e", "null", "x" * 64, LONG),
    ),
    "exclude": (
        ",".join(f"t{number}" for number in range(201)),
        *("a%00", "a%0a", "..%2f", "%7b%22$gt%22:%22%22%7d", "a%20b", "x" * 65, "a," * 7_000),
    ),
    "user": ("", "%00", "jazz-u0%0a", "..%2f", "%7b%22$gt%22:%22%22%7d", "x" * 65, "%e2%80%ae"),
    "before": (
        *("garbage", "~", "~~~", "null", "2026-03-01T10:00:00", "2026-03-01T10:00:00~a"),
        *("0000-00-00T00:00:00Z~a", "2026-W01~a", "9" * 100, LONG),
    ),
    "min": ("", "-0.1", "1.1", "NaN", "Infinity", "-Infinity", "1e999", "abc", "null", "0,5"),
}
WRONG_QUERIES = (
    "nonsense=1",
    "Limit=5",
    "%00=1",
    "=",
    "&".join(f"a{number}=1" for number in range(60)),
    "&".join(["limit=5"] * 60),
    "%ff=1",
    "limit=%ff",
    "limit=%ed%a0%80",
    "limit[$gt]=1",
    "__proto__=1",
)


DOORS = ("/1/", "/spotify/")
"""Other people's interfaces have refusals, tests and pages of their own."""


def routes_of(app: Litestar) -> set[str]:
    """METHOD /path of everything served but the API page, other doors and Litestar's OPTIONS."""
    return {
        f"{method} {route.path_format}"
        for route in app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith(("/schema", *DOORS))
        for method in route.methods
        if method != "OPTIONS"
    }


def assert_problem(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """RFC 9457, with a text somebody can act on; `statuses` are those that will do."""
    assert answer.status_code in statuses, f"{answer.status_code}: {answer.text[:500]}"
    assert PROBLEM == answer.headers["content-type"]
    problem: dict[str, Any] = answer.json()
    assert {"title", "status", "detail", "instance"} <= problem.keys()
    assert {"type", "title", "status", "detail", "instance"} >= problem.keys()
    assert answer.status_code == problem["status"]
    assert len(problem["detail"]) > 10
    assert "Traceback" not in answer.text
    return problem


async def stored(client: AsyncTestClient) -> dict[str, Any]:
    """All that a refused request must leave as it was."""
    house = client.app.state.house
    settings = {name: await house.store.user(name) for name in ("jazz-u0", "metal-u0")}
    learner = house.settings.home / "learner"  # its first snapshot comes when it comes
    folders = {path for path in house.settings.home.rglob("*") if path.is_dir()} - {learner}
    serving = (house.trainer.serving, house.current.catalogue.size)
    return await house.store.counts() | settings | {"folders": folders, "serving": serving}


@asynccontextmanager
async def untouched(client: AsyncTestClient) -> AsyncIterator[None]:
    """What happens inside changes nothing that is stored, and the next good request is answered."""
    before = await stored(client)
    yield
    assert before == await stored(client)
    answer = await client.get("/v1/users/jazz-u0/recommendations", params={"limit": 1})
    assert 200 == answer.status_code


async def send(
    client: AsyncTestClient, name: str, *, url: str = "", query: str = "", **more: Any
) -> httpx.Response:
    """A request to the route called `name`, percent-escapes in `url` and `query` as they are."""
    method, route = name.split(maxsplit=1)[0], ROUTES[name]
    target = (url or route.url) + (f"?{query}" if query else "")
    return await client.request(method, target, **more)
