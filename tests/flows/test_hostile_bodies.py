"""Hostile bodies: refused whole or item by item, and what was good beside them is stored."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import AsyncTestClient

from tests.flows.hostile import (
    FEEDBACK,
    LISTEN,
    ROUTES,
    TRACK,
    WITH_BODY,
    assert_problem,
    send,
    stored,
    untouched,
)
from tests.flows.hostile_bodies import (
    DEEP,
    SOON,
    UNREADABLE,
    WRONG_FEEDBACK,
    WRONG_LISTENS,
    WRONG_SETTINGS,
    WRONG_TRACKS,
)


def as_json(body: Any) -> bytes:
    """What `json` writes even where msgspec would not: huge integers."""
    return json.dumps(body).encode()


@pytest.mark.parametrize("name", WITH_BODY)
async def test_unreadable_bodies(client: AsyncTestClient, name: str) -> None:
    before = await stored(client)
    for kind, body in UNREADABLE.items():
        answer = await send(client, name, content=body)

        assert_problem(answer, 400)
        assert before == await stored(client), kind


@pytest.mark.parametrize("name", WITH_BODY)
async def test_a_tower_of_arrays(world: AsyncTestClient, name: str) -> None:
    """The outermost one may be a batch; whatever is inside it is then rejected as one item."""
    async with untouched(world):
        answer = await send(world, name, content=b"[" * DEEP + b"]" * DEEP)

        if answer.status_code < 400:
            assert 1 == len(answer.json()["rejected"])
        else:
            assert_problem(answer, 400)


@pytest.mark.parametrize(
    "name, wrongs",
    [
        ("POST /v1/listens", [wrong for wrong in WRONG_LISTENS if not isinstance(wrong, list)]),
        ("POST /v1/feedback", WRONG_FEEDBACK),
        ("PUT /v1/users/{user_id}", WRONG_SETTINGS),
        ("PUT /v1/tracks", [wrong for wrong in WRONG_TRACKS if not isinstance(wrong, list)]),
    ],
)
async def test_one_wrong_thing(world: AsyncTestClient, name: str, wrongs: list[Any]) -> None:
    async with untouched(world):
        for wrong in wrongs:
            problem = assert_problem(await send(world, name, content=as_json(wrong)), 400)
            assert len(problem["detail"]) < 1_000


async def test_numbers_that_json_does_not_have(world: AsyncTestClient) -> None:
    async with untouched(world):
        for number in (
            b"NaN",
            b"Infinity",
            b"-Infinity",
            b"1e999",
            b"-1e999",
            b"01",
            b"0x1",
            b".5",
        ):
            rated = b'{"user_id":"jazz-u0","track_id":"jazz00","action":"rating","rating":%s}'
            assert_problem(await send(world, "POST /v1/feedback", content=rated % number), 400)
            track = b'[{"id":"a","title":"b","artist":"c","features":{"energy":%s}}]'
            answer = await send(world, "PUT /v1/tracks", content=track % number)
            assert 400 == answer.status_code or 0 == answer.json()["stored"], number


async def test_the_good_listens_of_a_batch_are_stored(world: AsyncTestClient) -> None:
    """One verdict per index, whatever stands beside it."""
    before = await stored(world)
    batch: list[Any] = []
    for number, wrong in enumerate(WRONG_LISTENS):
        batch += [LISTEN | {"id": f"good{number}", "user_id": "reader"}, wrong]

    receipt = (await send(world, "POST /v1/listens", content=as_json(batch))).json()

    assert [2 * n + 1 for n in range(len(WRONG_LISTENS))] == [
        one["index"] for one in sorted(receipt["rejected"], key=lambda one: one["index"])
    ]
    assert (len(WRONG_LISTENS), 0) == (receipt["accepted"], receipt["duplicates"])
    assert all(10 < len(one["error"]) < 1_000 for one in receipt["rejected"])
    after = await stored(world)
    assert len(WRONG_LISTENS) == after["listens"] - before["listens"]
    listens = (await world.get("/v1/users/reader/listens?limit=1000")).json()["listens"]
    assert {f"good{number}" for number in range(len(WRONG_LISTENS))} == {
        one["id"] for one in listens
    }


async def test_the_good_tracks_of_a_batch_are_stored(world: AsyncTestClient) -> None:
    batch: list[Any] = []
    for number, wrong in enumerate(WRONG_TRACKS):
        batch += [TRACK | {"id": f"good{number}"}, wrong]

    receipt = (await send(world, "PUT /v1/tracks", content=as_json(batch))).json()

    assert [2 * n + 1 for n in range(len(WRONG_TRACKS))] == [
        one["index"] for one in receipt["rejected"]
    ]
    assert len(WRONG_TRACKS) == receipt["stored"]
    for number in range(len(WRONG_TRACKS)):
        assert 200 == (await world.get(f"/v1/tracks/good{number}")).status_code


@pytest.mark.parametrize(
    "name, counted", [("POST /v1/listens", "accepted"), ("PUT /v1/tracks", "stored")]
)
async def test_bytes_that_are_no_text_spoil_one_item(
    world: AsyncTestClient, name: str, counted: str
) -> None:
    good = as_json((LISTEN if "listens" in name else TRACK) | {"id": "good"})
    for wrong in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"):
        body = b'[{"id":"%s"},%s]' % (wrong, good)
        receipt = (await send(world, name, content=body)).json()

        assert [0] == [one["index"] for one in receipt["rejected"]]
    assert 0 == receipt[counted]  # the good one is known since the first round


async def test_missing_and_null_features_are_fine(world: AsyncTestClient) -> None:
    for number, features in enumerate(({}, {"energy": None}, {"tempo": 120}, {"energy": 1e-320})):
        put = await world.put(
            "/v1/tracks", json=[TRACK | {"id": f"n{number}", "features": features}]
        )
        assert (200, []) == (put.status_code, put.json()["rejected"])
        assert 200 == (await world.get(f"/v1/tracks/n{number}/similar")).status_code


@pytest.mark.parametrize(
    "name, good, most", [("POST /v1/listens", LISTEN, 1_000), ("PUT /v1/tracks", TRACK, 1_000)]
)
async def test_too_many_at_once(
    world: AsyncTestClient, name: str, good: dict[str, Any], most: int
) -> None:
    async with untouched(world):
        problem = assert_problem(await send(world, name, json=[good] * (most + 1)), 400)

        assert str(most) in problem["detail"]
    assert (await send(world, name, json=[good] * most)).status_code in (200, 202)


@pytest.mark.parametrize("name", WITH_BODY)
async def test_a_body_over_the_limit(world: AsyncTestClient, name: str) -> None:
    """With its length announced and without; one byte less is read."""
    most = ROUTES[name].most_bytes
    body = msgspec.json.encode(ROUTES[name].body).ljust(most + 1)
    async with untouched(world):
        announced = await send(world, name, content=body)
        request = world.build_request(name.split(maxsplit=1)[0], ROUTES[name].url, content=body)
        del request.headers["content-length"]
        unannounced = await world.send(request)

        for answer in (announced, unannounced):
            problem = assert_problem(answer, 413)
            assert "/problems/too-large" == problem["type"]
            assert str(most) in problem["detail"]
    answer = await send(world, name, content=body[:-1])
    assert answer.status_code in (200, 201, 202, 404), answer.text  # nobody has this experiment


async def test_of_equal_keys_the_last_counts(world: AsyncTestClient) -> None:
    """JSON leaves it open; what matters is that the check and the store mean the same one."""
    body = b'{"user_id":"first","user_id":"second","track_id":"jazz00","id":"1"}'

    assert 202 == (await send(world, "POST /v1/listens", content=body)).status_code

    assert 404 == (await world.get("/v1/users/first/profile")).status_code
    assert 200 == (await world.get("/v1/users/second/profile")).status_code


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["jazz-u0", "jazz00", "like", "rating", "UTC", LISTEN["at"], SOON]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
FIELDS = sorted(
    {*LISTEN, *TRACK, *FEEDBACK, "rating", "plays", "ms_played", "features", "genres", "timed"}
    | {"timezone", "blocked", "preferences", "demographics", "aliases", "released", "source"}
)
NEARLY = st.builds(
    lambda base, more: base | more,
    st.sampled_from([LISTEN, TRACK, FEEDBACK, {}]),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(as_json)
    | NEARLY.map(as_json)
    | st.lists(NEARLY, max_size=3).map(as_json)
)


@pytest.mark.parametrize("name", WITH_BODY)
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(body=BODIES)
async def test_whatever_is_sent(world: AsyncTestClient, name: str, body: bytes) -> None:
    """Answered or refused, never broken; refused means that nothing was stored."""
    before = await stored(world)

    answer = await send(world, name, content=body)

    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert_problem(answer, 400, *([404] if "/experiments/{name}" in name else []))
        assert before == await stored(world)


@pytest.mark.parametrize(
    "path", ["/v1/trending", "/v1/users/jazz-u0/recommendations", "/v1/users/"]
)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(text=st.binary(max_size=40).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)))
async def test_whatever_is_asked(world: AsyncTestClient, path: str, text: str) -> None:
    """Random bytes as a query, and as a user."""
    url = f"{path}{text}/profile" if path.endswith("/") else f"{path}?limit={text}"

    answer = await world.get(url)

    assert answer.status_code < 500
