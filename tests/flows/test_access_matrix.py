"""Every route of the API description, asked by everybody there is."""

import asyncio
from typing import Any

import msgspec
import pytest

from service.domain import Experiment, Variant
from tests.flows.guarded import EVERYTHING, A, B, guarded
from tests.flows.hostile import ROUTES, Route

FLAG = {"context": {"targetingKey": A}}
MORE = {
    "GET /v1/users/{user_id}/assignments": Route(url=f"/v1/users/{A}/assignments"),
    "POST /ofrep/v1/evaluate/flags": Route(url="/ofrep/v1/evaluate/flags", body=FLAG),
    "POST /ofrep/v1/evaluate/flags/{key}": Route(url="/ofrep/v1/evaluate/flags/e", body=FLAG),
    "POST /v1/experiments": Route(url="/v1/experiments", body={"name": "e"}),
    "PATCH /v1/experiments/{name}": Route(url="/v1/experiments/e", body={"name": "e"}),
    **{
        f"{method} /v1/experiments{rest}": Route(url=f"/v1/experiments{rest.format(name='e')}")
        for method, rest in (
            ("GET", ""),
            ("GET", "/{name}"),
            ("GET", "/{name}/report"),
            ("POST", "/{name}/start"),
            ("POST", "/{name}/stop"),
            ("POST", "/{name}/archive"),
        )
    },
}
ALL = {**ROUTES, **MORE}

# What each needs, and of whom it tells: of A's path, of whom the body or query names, of nobody, or
# of others too. Said here once more, so that who opens a route by mistake has to do it twice.
NEEDS = {
    "GET /v1/users/{user_id}/recommendations": ("recs:read", "named"),
    "GET /v1/users/{user_id}/profile": ("recs:read", "named"),
    "GET /v1/users/{user_id}/listens": ("recs:read", "named"),
    "GET /v1/users/{user_id}/similar": ("recs:read", "others"),
    "GET /v1/users/{user_id}/updates": ("recs:read", "named"),
    "GET /v1/users/{user_id}/assignments": ("recs:read", "named"),
    "GET /v1/users/{user_id}/export": ("recs:read", "named"),
    "GET /v1/insights": ("admin:experiments", "others"),
    "PUT /v1/users/{user_id}": ("users:write", "named"),
    "DELETE /v1/users/{user_id}": ("users:write", "named"),
    "POST /v1/users/{user_id}/recommendations/jobs": ("users:write", "named"),
    "POST /v1/listens": ("events:write", "named"),
    "POST /v1/feedback": ("events:write", "named"),
    "PUT /v1/tracks": ("tracks:write", "others"),
    "GET /v1/tracks/{track_id}": ("recs:read", "nobody"),
    "GET /v1/tracks/{track_id}/similar": ("recs:read", "named"),
    "GET /v1/trending": ("recs:read", "nobody"),
    "POST /ofrep/v1/evaluate/flags": ("recs:read", "named"),
    "POST /ofrep/v1/evaluate/flags/{key}": ("recs:read", "named"),
    "POST /v1/strategies/{name}": ("strategies:ask", "others"),
    "POST /v1/profiles": ("profiles:ask", "others"),
    "GET /health/live": ("public", "nobody"),
    "GET /health/ready": ("public", "nobody"),
    "GET /metrics": ("public", "nobody"),
    "GET /problems/{slug}": ("public", "nobody"),
}
USERS = {"GET /v1/tracks/{track_id}/similar": f"?user={A}"}


def needs(name: str) -> tuple[str, str]:
    if name in NEEDS:
        return NEEDS[name]
    return f"admin:{name.split('/', 3)[2]}", "others"


def expected(name: str, scopes: tuple[str, ...] | None, user_id: str | None) -> int | None:
    """401, 403, or None where something else decides."""
    scope, whose = needs(name)
    if scope == "public":
        return None
    if scopes is None:
        return 401
    if scope not in scopes:
        return 403
    foreign = whose == "others" or (whose == "named" and user_id != A)
    return 403 if user_id is not None and foreign else None


async def call(app: Any, name: str, token: str | None) -> tuple[int, bytes]:
    """Status and what came of the body: of an endless stream its beginning."""
    method, route = name.split(maxsplit=1)[0], ALL[name]
    path, _, query = (route.url + USERS.get(name, "")).partition("?")
    body = b"" if route.body is None else msgspec.json.encode(route.body)
    headers = [(b"host", b"testserver"), (b"content-length", b"%d" % len(body))]
    headers += [(b"authorization", b"Bearer " + token.encode())] if token else []
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "headers": headers, "http_version": "1.1",
        "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1),
        "root_path": "", "asgi": {"version": "3.0"}, "state": {}, "extensions": {},
    }  # fmt: skip
    coming = [{"type": "http.request", "body": body, "more_body": False}]
    status, parts, over = 0, list[bytes](), asyncio.Event()

    async def receive() -> dict[str, Any]:
        if coming:
            return coming.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False) and message["type"].endswith("body"):
            over.set()
        if name.endswith("/updates") and parts[-1]:
            over.set()

    await asyncio.wait_for(app(scope, receive, send), 30)
    return status, b"".join(parts)


async def test_every_route_by_every_identity(tmp_path) -> None:
    async with guarded(tmp_path) as service:
        house = service.house
        arms = (Variant(name="control"), Variant(name="new"))
        await house.store.put_experiment(Experiment(name="e", variants=arms), expected_rev=0)
        described = {
            f"{method.upper()} {path}"
            for path, operations in service.app.openapi_schema.to_schema()["paths"].items()
            for method in operations
        }
        assert described == ALL.keys()
        # Whoever erases A does so last: keys of A end with A.
        names = sorted(described, key=lambda name: (name.startswith("DELETE /v1/users"), name))
        callers: list[tuple[str | None, tuple[str, ...] | None, str | None]] = [
            (None, None, None),
            ("et_aaaaaaaa_" + "b" * 43, None, None),
        ]
        for user_id, scopes in [
            *((user_id, EVERYTHING) for user_id in (B, None, A)),
            *((None, (scope,)) for scope in EVERYTHING),
            *((None, tuple(one for one in EVERYTHING if one != scope)) for scope in EVERYTHING),
        ]:
            made = await service.key(user_id=user_id, scopes=scopes)
            callers.append((made[1], scopes, user_id))
        asked = 0
        for name in names:
            for token, allowed, who in callers:
                want = expected(name, allowed, who)
                once = name.startswith(("POST /v1/models", "DELETE /v1/users"))
                if want is None and once and who != A:
                    continue  # a fit, or an erasure, is enough once
                status, body = await call(service.doors, name, token)
                asked += 1

                if want is None:
                    assert status not in (0, 401, 403, 500), (name, allowed, who, body)
                else:
                    assert want == status, (name, allowed, who, body)
                    assert msgspec.json.decode(body)["type"].startswith("/problems/"), name
        assert asked > 800


@pytest.mark.parametrize("name", ["GET /v1/users/{user_id}/profile", "POST /v1/feedback"])
async def test_with_the_doors_open_the_same_calls_are_answered(tmp_path, name: str) -> None:
    """So it was the key that they were refused for."""
    async with guarded(tmp_path, access="off") as service:
        _, token = await service.key(user_id=B)

        assert (await call(service.doors, name, token))[0] in (200, 202)
        assert (await call(service.doors, name, None))[0] in (200, 202)
