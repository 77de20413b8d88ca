"""The ListenBrainz contract line by line, in process."""

import json
import time
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.doors.listenbrainz.refusal import on_echotune_error
from service.errors import Overloaded, RateLimited, SlowBody, StoreUnavailable
from service.settings import Settings

NOW = int(time.time())
MBID = "0cbc3a3e-3a6c-4c6e-9f0e-2a8f64d8a5b1"
TOKEN = "a-token-of-alice-that-is-long"
ALICE = {"Authorization": f"Token {TOKEN}"}
NAMES = {"artist_name": "Rick Astley", "track_name": "Never Gonna Give You Up"}


def listen(*, at: object = NOW - 60, **metadata) -> dict:
    return {"listened_at": at, "track_metadata": NAMES | metadata}


def single(one: dict, kind: str = "single") -> dict:
    return {"listen_type": kind, "payload": [one]}


def informed(**info) -> dict:
    return single(listen(additional_info=info))


@pytest.fixture
async def door(tmp_path: Path):
    """A service that knows Alice by a token."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({TOKEN: "alice", "another-token-of-somebody": "bob"}))
    settings = Settings(
        data_dir=str(tmp_path), listenbrainz_tokens=str(tokens), store_timeout_ms=5_000
    )
    async with AsyncTestClient(create_app(settings)) as client:
        client.headers.update(ALICE)
        yield client


WRONG = {
    "Invalid JSON document submitted.": [
        b"{",
        b"[]",
        b"[" * 30_000,
        b"\xff",
        b'{"listen_type":1}x',
    ],
    "JSON document requires a valid listen_type key.": [
        {},
        {"listen_type": "other", "payload": [listen()]},
        {"listen_type": ["single"], "payload": [listen()]},
    ],
    "JSON document does not contain any listens": [{"listen_type": "single", "payload": []}],
    "There is more than one listen": [
        {"listen_type": "single", "payload": [listen(), listen()]},
        {"listen_type": "playing_now", "payload": [{"track_metadata": NAMES}] * 2},
    ],
    "Too many listens. You may not submit more than 1000 listens at once.": [
        {"listen_type": "import", "payload": [listen()] * 1_001}
    ],
    "Payload too large": [single(listen(release_name="x", additional_info={"x": "y" * 10_300}))],
    "must contain the key listened_at": [single({"track_metadata": NAMES})],
    "int value for listened_at": [
        *(single(listen(at=at)) for at in ("soon", None, True, [], {}, "", "1e9"))
    ],
    "may only contain listened_at and track_metadata": [single(listen() | {"more": 1})],
    "listened_at is too low": [single(listen(at=1_033_430_399)), single(listen(at=-1))],
    "listened_at is too high": [single(listen(at=NOW + 10_000)), single(listen(at=10**14))],
    "must not contain listened_at while submitting": [single(listen(), "playing_now")],
    "may only contain track_metadata": [single({"track_metadata": NAMES, "x": 1}, "playing_now")],
    "must contain the key track_metadata": [single({"listened_at": NOW - 60})],
    "does not contain a valid metadata.track_name": [
        single({"listened_at": NOW - 60, "track_metadata": {"artist_name": "x"}})
    ],
    "does not contain required track_metadata.artist_name": [single(listen(artist_name="  "))],
    "does not contain required track_metadata.track_name": [single(listen(track_name=""))],
    "artist_name must be a single string": [
        single(listen(artist_name=["x"])),
        single(listen(artist_name={"$gt": ""})),
    ],
    "may not contain more than 50 items": [informed(tags=["x"] * 51)],
    "longer than 64 characters": [informed(tags=["x" * 65])],
    "recording_mbid MBID format invalid.": [informed(recording_mbid="x")],
    "release_mbid MBID format invalid.": [informed(release_mbid=7)],
    "track_mbid MBID format invalid.": [informed(track_mbid=MBID[:-1])],
    "release_group_mbid MBID format invalid.": [informed(release_group_mbid="x")],
    "artist_mbids MBID format invalid.": [informed(artist_mbids=["x"]), informed(artist_mbids="x")],
    "work_mbids MBID format invalid.": [informed(work_mbids=[MBID, "x"])],
    "only contain one of duration": [informed(duration=1, duration_ms=1_000)],
    "should be a positive integer": [
        *(informed(duration=value) for value in (0, -5, "x", None, "inf", "nan")),
        informed(duration_ms="-1"),
    ],
    "is too high, max permitted": [
        informed(duration=2_073_601),
        informed(duration_ms=2_073_600_001),
    ],
    "Unicode null": [single(listen(artist_name="a\0b")), informed(x={"y": ["\0"]})],
}
CASES = [(error, body) for error, bodies in WRONG.items() for body in bodies]


async def test_what_the_contract_refuses_is_refused_in_its_words(door) -> None:
    for error, body in CASES:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await door.post("/1/submit-listens", content=content)

        assert 400 == answer.status_code, (error, answer.text[:300])
        assert 400 == answer.json()["code"]
        assert error in answer.json()["error"]
    counts = await door.app.state.house.store.counts()
    assert {"listens": 0, "tracks": 0, "users": 0} == counts


async def test_one_bad_listen_spoils_the_batch(door) -> None:
    batch = {"listen_type": "import", "payload": [listen(), listen(artist_name="")]}
    answer = await door.post("/1/submit-listens", json=batch)
    good = await door.post("/1/submit-listens", json=single(listen()))

    assert (400, "") == (answer.status_code, answer.json()["track_metadata"]["artist_name"])
    assert (200, {"status": "ok"}) == (good.status_code, good.json())


async def test_a_thousand_listens_twice_are_a_thousand_listens(door) -> None:
    payload = [
        listen(at=NOW - 60 - number, track_name=f"Song {number % 300}") for number in range(1_000)
    ]
    answers = [
        await door.post("/1/submit-listens", json={"listen_type": "import", "payload": payload})
        for _ in range(2)
    ]
    count = await door.get("/1/user/alice/listen-count")

    assert [(200, {"status": "ok"})] * 2 == [(one.status_code, one.json()) for one in answers]
    assert {"payload": {"count": 1_000}} == count.json()
    assert 300 == (await door.app.state.house.store.counts())["tracks"]


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=X"}]
)
@pytest.mark.parametrize("path", ["/1/", "/1//", "/apis/listenbrainz/1/"])
async def test_listens_come_in_whatever_the_client_calls_them(door, headers, path) -> None:
    body = json.dumps(single(listen(at=str(NOW - 60)))).encode()
    answer = await door.post(
        f"{path}submit-listens/?return_msid=true", content=body, headers=headers
    )

    assert 200 == answer.status_code, answer.text
    assert {"status", "recording_msid"} == answer.json().keys()


@pytest.mark.parametrize(
    "header, error",
    [
        ("", "You need to provide an Authorization header."),
        ("Token", "Provided Authorization header is invalid."),
        ("Token nobody-has-this-one", "Invalid authorization token."),
        (f"Token {TOKEN[:-1]}", "Invalid authorization token."),
        ("Token alice", "Invalid authorization token."),
    ],
)
async def test_nobody_comes_in_without_a_token(door, header, error) -> None:
    headers = {"Authorization": header}
    for method, path in (
        ("POST", "/1/submit-listens"),
        ("GET", "/1/user/alice/listens"),
        ("GET", "/1/cf/recommendation/user/alice/recording"),
        ("POST", "/1/feedback/recording-feedback"),
        ("GET", "/1/user/alice/playlists/createdfor"),
        ("GET", "/1/stats/user/alice/artists"),
    ):
        answer = await door.request(method, path, headers=headers, content=b"{}")

        assert (401, {"code": 401, "error": error}) == (answer.status_code, answer.json())
    assert 200 == (await door.get("/1/user/alice/listens")).status_code  # with hers


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer"])
async def test_a_token_is_valid_whatever_word_is_before_it(door, scheme) -> None:
    answer = await door.get("/1/validate-token", headers={"Authorization": f"{scheme} {TOKEN}"})
    wrong = await door.get("/1/validate-token?token=wrong")
    asked = await door.get(f"/1/validate-token?token={TOKEN}", headers={"Authorization": ""})
    none = await door.get("/1/validate-token", headers={"Authorization": ""})

    valid = {"code": 200, "message": "Token valid.", "valid": True, "user_name": "alice"}
    assert (200, valid) == (answer.status_code, answer.json())
    assert {"code": 200, "message": "Token invalid.", "valid": False} == wrong.json()
    assert valid == asked.json()
    assert (400, "You need to provide an Authorization token.") == (
        none.status_code,
        none.json()["error"],
    )


async def test_every_answer_has_the_headers_and_every_error_the_shape(door) -> None:
    for method, path, status in (
        ("GET", "/1/validate-token", 200),
        ("GET", "/1/nonsense", 404),
        ("GET", "/1/submit-listens", 405),
        ("GET", "/1/user/bob/listens", 403),
        ("GET", "/1/user/alice/listens?count=x", 400),
        ("GET", "/1/user/alice/listens?max_ts=5&min_ts=5", 400),
        ("OPTIONS", "/1/submit-listens", 204),
    ):
        answer = await door.request(method, path)

        assert status == answer.status_code, path
        if status >= 400:
            assert {"code", "error"} == answer.json().keys()
            assert status == answer.json()["code"]
        assert "*" == answer.headers["access-control-allow-origin"]
        assert "Authorization, Content-Type" == answer.headers["access-control-allow-headers"]
        assert int(answer.headers["x-ratelimit-remaining"]) > 0
        assert 1 <= int(answer.headers["x-ratelimit-reset-in"]) <= 10
        left_s = int(answer.headers["x-ratelimit-reset"]) - int(answer.headers["x-ratelimit-limit"])
        assert left_s > 0
    other = await door.get("/v1/nonsense")
    assert "application/problem+json" == other.headers["content-type"]
    assert "access-control-allow-origin" not in other.headers


async def test_a_body_too_large_is_refused_in_the_shape(door) -> None:
    answer = await door.post("/1/submit-listens", content=b" " * 10_240_001)

    assert (413, 413) == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "error", [RateLimited("x", 7.2), StoreUnavailable("x"), Overloaded("x"), SlowBody("x")]
)
def test_whoever_may_come_again_is_told_503(error) -> None:
    answer = on_echotune_error(None, error)

    assert 503 == answer.status_code
    assert int(answer.headers["Retry-After"]) > 0
    assert 503 == json.loads(answer.content)["code"]


async def test_a_page_from_elsewhere_reads_nothing_where_tokens_are_names(client) -> None:
    answer = await client.get("/1/user/alice/listens", headers={"Authorization": "Token alice"})

    assert 200 == answer.status_code
    assert "access-control-allow-origin" not in answer.headers


async def test_away_from_loopback_nobody_has_a_token_without_a_file(tmp_path) -> None:
    settings = Settings(data_dir=str(tmp_path), host="0.0.0.0")  # noqa: S104 - never listened on
    async with AsyncTestClient(create_app(settings)) as client:
        answer = await client.get("/1/validate-token?token=alice")

    assert answer.json()["valid"] is False


async def test_listens_are_read_newest_first_between_two_times(door) -> None:
    for ago in (10, 20, 30, 40):
        info = {"recording_mbid": MBID, "duration": 213, "duration_played": 100}
        one = listen(at=NOW - ago, additional_info=info, release_name=" ")
        assert 200 == (await door.post("/1/submit-listens", json=single(one))).status_code

    async def ago(query: str) -> list[int]:
        page = (await door.get(f"/1/user/alice/listens?{query}")).json()["payload"]
        assert len(page["listens"]) == page["count"]
        assert NOW - 10 == page["latest_listen_ts"]
        return [NOW - one["listened_at"] for one in page["listens"]]

    assert [10, 20, 30, 40] == await ago("")
    assert [10, 20] == await ago("count=2")
    assert [30, 40] == await ago(f"max_ts={NOW - 20}")
    assert [10, 20] == await ago(f"min_ts={NOW - 30}")
    assert [20] == await ago(f"min_ts={NOW - 30}&count=1")
    one = (await door.get("/1/user/alice/listens?count=1")).json()["payload"]["listens"][0]
    assert MBID == one["track_metadata"]["mbid_mapping"]["recording_mbid"]
    assert 213_000 == one["track_metadata"]["additional_info"]["duration_ms"]
    assert 100 == one["track_metadata"]["additional_info"]["duration_played"]
    assert one["recording_msid"] == one["track_metadata"]["additional_info"]["recording_msid"]


async def test_a_verdict_is_given_read_and_taken_back(door) -> None:
    info = {"recording_mbid": MBID}
    await door.post("/1/submit-listens", json=single(listen(additional_info=info)))
    path = "/1/feedback/user/alice/get-feedback"

    async def say(**said) -> int:
        return (await door.post("/1/feedback/recording-feedback", json=said)).status_code

    assert 200 == await say(recording_mbid=MBID, score=1)
    (loved,) = (await door.get(f"{path}?score=1&metadata=true")).json()["feedback"]
    asked = await door.get(f"{path}-for-recordings?recording_mbids={MBID}")
    assert 200 == await say(recording_msid=loved["recording_msid"], score=-1)
    hated = (await door.get(f"{path}?score=-1")).json()
    assert 200 == await say(recording_mbid=MBID, score=0)
    neither = (await door.get(path)).json()

    assert (MBID, 1, "alice") == (loved["recording_mbid"], loved["score"], loved["user_id"])
    assert NAMES.items() <= loved["track_metadata"].items()
    assert [1] == [one["score"] for one in asked.json()["feedback"]]
    assert (1, 1) == (hated["count"], hated["total_count"])
    assert [] == neither["feedback"]
    for wrong in (
        {"recording_mbid": MBID, "score": 2},
        {"recording_mbid": MBID, "score": 1, "more": 1},
        {"recording_mbid": "x", "score": 1},
        {"score": 1},
        {"recording_mbid": MBID, "score": True},
    ):
        assert 400 == await say(**wrong), wrong
    assert 404 == await say(recording_mbid=MBID.replace("0", "1"), score=1)


async def test_a_listen_is_deleted_once_and_the_others_stay(door) -> None:
    for ago in (10, 20):
        one = single(listen(at=NOW - ago))
        assert 200 == (await door.post("/1/submit-listens", json=one)).status_code
    listens = (await door.get("/1/user/alice/listens")).json()["payload"]["listens"]
    gone = {key: listens[0][key] for key in ("listened_at", "recording_msid")}
    native = {"id": "native", "user_id": "alice", "track_id": "x", "at": "2026-03-01T10:00:00Z"}
    await door.put("/v1/tracks", json=[{"id": "x", "title": "b", "artist": "c"}])
    await door.post("/v1/listens", json=native)
    others = (await door.get("/1/user/alice/listens")).json()["payload"]["listens"]
    elsewhere = {key: others[-1][key] for key in ("listened_at", "recording_msid")}
    bob = {"Authorization": "Token another-token-of-somebody"}

    async def left() -> list[int]:
        page = (await door.get("/1/user/alice/listens")).json()["payload"]["listens"]
        return [one["listened_at"] for one in page]

    assert 200 == (await door.post("/1/delete-listen", json=gone, headers=bob)).status_code
    assert 3 == len(await left())
    for _ in range(2):
        assert {"status": "ok"} == (await door.post("/1/delete-listen", json=gone)).json()
    assert [NOW - 20, elsewhere["listened_at"]] == await left()
    assert {"status": "ok"} == (await door.post("/1/delete-listen", json=elsewhere)).json()
    assert [NOW - 20] == await left()
    for wrong in ({}, gone | {"listened_at": "x"}, gone | {"recording_msid": "x"}):
        assert 400 == (await door.post("/1/delete-listen", json=wrong)).status_code
