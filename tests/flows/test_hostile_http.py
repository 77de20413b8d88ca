"""Hostile requests against every route: refused with a problem document, and nothing is stored."""

import itertools

import pytest
from litestar.testing import AsyncTestClient

from tests.flows.hostile import (
    INSTANT,
    LONG,
    ROUTES,
    WITH_BODY,
    WITH_ID,
    WITH_QUERY,
    WRONG_QUERIES,
    WRONG_VALUES,
    assert_problem,
    routes_of,
    send,
    untouched,
)


async def test_every_route_is_in_the_table(client: AsyncTestClient) -> None:
    assert ROUTES.keys() == routes_of(client.app)


async def test_the_table_knows_every_query_parameter_and_body(client: AsyncTestClient) -> None:
    paths = client.app.openapi_schema.to_schema()["paths"]
    for name, route in ROUTES.items():
        method, path = name.split()
        operation = paths[path][method.lower()]
        asked = {one["name"] for one in operation["parameters"] if one["in"] == "query"}

        assert set(route.takes) == asked, name
        assert (route.body is not None) == ("requestBody" in operation), name


async def test_what_the_table_calls_good_is_good(world: AsyncTestClient) -> None:
    """Or every refusal below could have another reason than the one it is there for."""
    expected = dict.fromkeys(ROUTES, 200) | {
        "POST /v1/listens": 202,
        "POST /v1/feedback": 202,
        "POST /v1/models": 202,
        "DELETE /v1/users/{user_id}": 202,
        "POST /v1/models/{version}/activate": 404,
        "POST /v1/users/{user_id}/recommendations/jobs": 202,
        "POST /v1/jobs": 202,
        "GET /v1/jobs/{job_id}": 404,
        "DELETE /v1/jobs/{job_id}": 404,
        "POST /v1/jobs/{job_id}/replay": 404,
        "POST /v1/events/dead/{place}/replay": 404,
        "POST /v1/experiments": 201,
        "POST /ofrep/v1/evaluate/flags/{key}": 404,
    }
    expected |= {name: 404 for name in ROUTES if "/v1/experiments/{name}" in name}
    last = "DELETE /v1/users/{user_id}"
    world.app.state.house.updates.close()  # a stream that opens now is good, and ends
    for name in [*(ROUTES.keys() - {last}), last]:
        answer = await send(world, name, json=ROUTES[name].body)

        assert expected[name] == answer.status_code, (name, answer.text)


# An id that could be somebody's, and ids that cannot be anybody's.
UNKNOWN = ("nobody", "0", "x" * 64)
IMPOSSIBLE = (
    "%00",
    "jazz-u0%00",
    "jazz00%0a",
    "jazz-u0%0a",
    "%0d%0aSet-Cookie:%20a=b",
    "%ff",
    "%ed%a0%80",
    "%7b%22$gt%22:%22%22%7d",
    "..%2f",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%2e",
    "%2fetc%2fpasswd",
    "x" * 65,
    LONG,
    "%e2%80%ae0uzzaj",
    "jazz%e2%80%8b00",
    "%20",
    "a%20b",
    "'%20OR%201=1--",
    "%25",
    "%ef%bc%91",
)
FOR_STRANGERS = (
    "GET /v1/users/{user_id}/assignments",
    "GET /v1/users/{user_id}/recommendations",
    "GET /v1/users/{user_id}/updates",
    "PUT /v1/users/{user_id}",
)


@pytest.mark.parametrize("name", WITH_ID)
async def test_ids_nobody_can_have(world: AsyncTestClient, name: str) -> None:
    route = ROUTES[name]
    checked = route.noun in ("user_id", "track_id") or "/experiments/" in name
    filled = route.url.split("/")[name.split()[1].split("/").index("{" + route.noun + "}")]
    async with untouched(world):
        for wrong in IMPOSSIBLE:
            url = route.url.replace(filled, wrong, 1)
            answer = await send(world, name, url=url, json=route.body)

            assert_problem(answer, 404, *([400] if checked else []))
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", [name for name in WITH_ID if name not in FOR_STRANGERS])
async def test_ids_nobody_has(world: AsyncTestClient, name: str) -> None:
    """Not found, and the text says what; a stranger's list is answered, a new user may be put."""
    route = ROUTES[name]
    filled = route.url.split("/")[name.split()[1].split("/").index("{" + route.noun + "}")]
    async with untouched(world):
        for unknown in UNKNOWN:
            url = route.url.replace(filled, unknown, 1)
            answer = await send(world, name, url=url, json=route.body)
            problem = assert_problem(answer, 404)

            assert unknown in problem["detail"]
            assert problem["type"].startswith("/problems/")
            assert url == problem["instance"]


async def test_a_stranger_gets_what_is_popular(world: AsyncTestClient) -> None:
    async with untouched(world):
        page = (await world.get("/v1/users/nobody/recommendations")).json()

        assert "popular" == page["tier"]
        assert page["recommendations"]


async def test_every_query_parameter_has_wrong_values() -> None:
    taken = set(itertools.chain.from_iterable(route.takes for route in ROUTES.values()))

    assert WRONG_VALUES.keys() == taken


@pytest.mark.parametrize("name", WITH_QUERY)
async def test_wrong_query_values(world: AsyncTestClient, name: str) -> None:
    async with untouched(world):
        for parameter in ROUTES[name].takes:
            for value in WRONG_VALUES[parameter]:
                answer = await send(world, name, query=f"{parameter}={value}")

                problem = assert_problem(answer, 400)
                assert len(problem["detail"]) < 1_000


@pytest.mark.parametrize("name", WITH_QUERY)
async def test_unknown_repeated_and_unreadable_parameters(
    world: AsyncTestClient, name: str
) -> None:
    parameter = ROUTES[name].takes[0]
    twice = f"{parameter}=5&{parameter}=6"
    async with untouched(world):
        for query in (*WRONG_QUERIES, twice):
            assert_problem(await send(world, name, query=query), 400)
        detail = assert_problem(await send(world, name, query=twice), 400)["detail"]
        assert "twice" in detail


async def test_a_user_may_be_called_null(world: AsyncTestClient) -> None:
    """Lax conversion would read `null` as nothing and leave the parameter out without a word."""
    sent = {"id": "1", "user_id": "null", "track_id": "metal03"}
    await world.post("/v1/listens", json=sent)

    everybodys = (await world.get("/v1/tracks/folk00/similar")).json()
    theirs = (await world.get("/v1/tracks/folk00/similar?user=null")).json()

    assert everybodys != theirs


async def test_the_widest_times_are_answered(world: AsyncTestClient) -> None:
    async with untouched(world):
        for at in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", INSTANT):
            for timezone in ("Pacific/Kiritimati", "Pacific/Niue"):
                answer = await world.get(
                    f"/v1/users/jazz-u0/recommendations?at={at}&timezone={timezone}"
                )
                assert answer.status_code in (200, 400), answer.text


async def test_the_widest_cursors_are_answered(world: AsyncTestClient) -> None:
    async with untouched(world):
        for at in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", INSTANT):
            for listen_id in ("", "~", "%00", "x", "%f0%9f%8e%b5", "'--"):
                answer = await world.get(f"/v1/users/jazz-u0/listens?before={at}~{listen_id}")
                assert answer.status_code in (200, 400), answer.text


async def test_other_methods_are_named(world: AsyncTestClient) -> None:
    async with untouched(world):
        for name, route in ROUTES.items():
            path = name.split()[1]
            served = {other.split()[0] for other in ROUTES if other.split()[1] == path}
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"} - served:
                answer = await world.request(method, route.url)

                assert 405 == answer.status_code, (method, name)
                if method != "HEAD":
                    assert_problem(answer, 405)
                assert served <= set(answer.headers["allow"].split(", "))


async def test_options_name_every_method_of_a_path(world: AsyncTestClient) -> None:
    """Where a path has several, the framework knew those of the first handler only."""
    for name, route in ROUTES.items():
        path = name.split()[1]
        served = {other.split()[0] for other in ROUTES if other.split()[1] == path}
        answer = await world.options(route.url)

        assert 204 == answer.status_code, name
        assert {*served, "OPTIONS"} == set(answer.headers["allow"].split(", ")), name


async def test_unknown_paths(world: AsyncTestClient) -> None:
    async with untouched(world):
        for path in (
            *("/nope", "/v1", "/v1/", "/v2/trending", "/v1/users", "/v1/trending/x", "/" + LONG),
            *("/%00", "/%0a", "/%ff", "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/schema/nope"),
            *("/schema/assets/..%2f..%2f__init__.py", "/schema/assets/nope.js", "/.git/config"),
        ):
            assert_problem(await world.get(path), 404)


async def test_garbage_in_if_none_match_gets_the_list(world: AsyncTestClient) -> None:
    async with untouched(world):
        for tag in (b"", b"*x", b'"', b"W/", b'"nope"', b"a" * 10_000, b"\x7f", b"\xc3\xbf"):
            answer = await world.get(
                ROUTES["GET /v1/users/{user_id}/recommendations"].url,
                headers={b"If-None-Match": tag},
            )

            assert 200 == answer.status_code, tag
            assert answer.json()["recommendations"]


@pytest.mark.parametrize("name", WITH_BODY)
async def test_the_content_type_is_not_asked(world: AsyncTestClient, name: str) -> None:
    """`curl -d` says it is a form; that is tolerated, the body decides."""
    for kind in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/xml",
        "\xff",
        "",
    ):
        answer = await send(
            world, name, json=ROUTES[name].body, headers={b"Content-Type": kind.encode("latin-1")}
        )

        assert answer.status_code in (200, 201, 202, 404, 409), answer.text
