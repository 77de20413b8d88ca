"""The ListenBrainz contract line by line, in process."""

import json

import pytest
from litestar.testing import AsyncTestClient, RequestFactory

from service.app import create_app
from service.doors.listenbrainz.refusal import on_echotune_error
from service.errors import Overloaded, RateLimited, SlowBody, StoreUnavailable
from service.settings import Settings
from tests.flows.scrobbles import MBID, NAMES, NOW, TOKEN, listen, single


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
async def test_nobody_comes_in_without_a_token(alice, header, error) -> None:
    headers = {"Authorization": header}
    for method, path in (
        ("POST", "/1/submit-listens"),
        ("GET", "/1/user/alice/listens"),
        ("GET", "/1/cf/recommendation/user/alice/recording"),
        ("POST", "/1/feedback/recording-feedback"),
        ("GET", "/1/user/alice/playlists/createdfor"),
        ("GET", "/1/stats/user/alice/artists"),
    ):
        answer = await alice.request(method, path, headers=headers, content=b"{}")

        assert (401, {"code": 401, "error": error}) == (answer.status_code, answer.json())
    assert 200 == (await alice.get("/1/user/alice/listens")).status_code  # with hers


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer"])
async def test_a_token_is_valid_whatever_word_is_before_it(alice, scheme) -> None:
    answer = await alice.get("/1/validate-token", headers={"Authorization": f"{scheme} {TOKEN}"})
    wrong = await alice.get("/1/validate-token?token=wrong")
    asked = await alice.get(f"/1/validate-token?token={TOKEN}", headers={"Authorization": ""})
    none = await alice.get("/1/validate-token", headers={"Authorization": ""})

    valid = {"code": 200, "message": "Token valid.", "valid": True, "user_name": "alice"}
    assert (200, valid) == (answer.status_code, answer.json())
    assert {"code": 200, "message": "Token invalid.", "valid": False} == wrong.json()
    assert valid == asked.json()
    assert (400, "You need to provide an Authorization token.") == (
        none.status_code,
        none.json()["error"],
    )


async def test_every_answer_has_the_headers_and_every_error_the_shape(alice) -> None:
    for method, path, status in (
        ("GET", "/1/validate-token", 200),
        ("GET", "/1/nonsense", 404),
        ("GET", "/1/submit-listens", 405),
        ("GET", "/1/user/bob/listens", 403),
        ("GET", "/1/user/alice/listens?count=x", 400),
        ("GET", "/1/user/alice/listens?max_ts=5&min_ts=5", 400),
        ("OPTIONS", "/1/submit-listens", 204),
    ):
        answer = await alice.request(method, path)

        assert status == answer.status_code, path
        if status >= 400:
            assert {"code", "error"} == answer.json().keys()
            assert status == answer.json()["code"]
        assert ("allow" in answer.headers) == (status == 405)
        assert "*" == answer.headers["access-control-allow-origin"]
        assert "Authorization, Content-Type" == answer.headers["access-control-allow-headers"]
        assert int(answer.headers["x-ratelimit-remaining"]) > 0
        assert 1 <= int(answer.headers["x-ratelimit-reset-in"]) <= 10
        left_s = int(answer.headers["x-ratelimit-reset"]) - int(answer.headers["x-ratelimit-limit"])
        assert left_s > 0
    other = await alice.get("/v1/nonsense")
    assert "application/problem+json" == other.headers["content-type"]
    assert "access-control-allow-origin" not in other.headers


async def test_a_body_too_large_is_refused_in_the_shape(alice) -> None:
    answer = await alice.post("/1/submit-listens", content=b" " * 10_240_001)

    assert (413, 413) == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "error", [RateLimited("x", 7.2), StoreUnavailable("x"), Overloaded("x"), SlowBody("x")]
)
def test_whoever_may_come_again_is_told_503(error) -> None:
    answer = on_echotune_error(RequestFactory().get(), error)

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


async def test_listens_are_read_newest_first_between_two_times(alice) -> None:
    for ago in (10, 20, 30, 40):
        info = {"recording_mbid": MBID, "duration": 213, "duration_played": 100}
        one = listen(at=NOW - ago, additional_info=info, release_name=" ")
        assert 200 == (await alice.post("/1/submit-listens", json=single(one))).status_code

    async def seen(query: str) -> list[int]:
        page = (await alice.get(f"/1/user/alice/listens?{query}")).json()["payload"]
        assert len(page["listens"]) == page["count"]
        assert NOW - 10 == page["latest_listen_ts"]
        return [NOW - one["listened_at"] for one in page["listens"]]

    assert [10, 20, 30, 40] == await seen("")
    assert [10, 20] == await seen("count=2")
    assert [30, 40] == await seen(f"max_ts={NOW - 20}")
    assert [10, 20] == await seen(f"min_ts={NOW - 30}")
    assert [20] == await seen(f"min_ts={NOW - 30}&count=1")
    one = (await alice.get("/1/user/alice/listens?count=1")).json()["payload"]["listens"][0]
    assert MBID == one["track_metadata"]["mbid_mapping"]["recording_mbid"]
    assert 213_000 == one["track_metadata"]["additional_info"]["duration_ms"]
    assert 100 == one["track_metadata"]["additional_info"]["duration_played"]
    assert one["recording_msid"] == one["track_metadata"]["additional_info"]["recording_msid"]


async def test_a_verdict_is_given_read_and_taken_back(alice) -> None:
    info = {"recording_mbid": MBID}
    await alice.post("/1/submit-listens", json=single(listen(additional_info=info)))
    path = "/1/feedback/user/alice/get-feedback"

    async def say(**said) -> int:
        return (await alice.post("/1/feedback/recording-feedback", json=said)).status_code

    assert 200 == await say(recording_mbid=MBID, score=1)
    (loved,) = (await alice.get(f"{path}?score=1&metadata=true")).json()["feedback"]
    asked = await alice.get(f"{path}-for-recordings?recording_mbids={MBID}")
    assert 200 == await say(recording_msid=loved["recording_msid"], score=-1)
    hated = (await alice.get(f"{path}?score=-1")).json()
    assert 200 == await say(recording_mbid=MBID, score=0)
    neither = (await alice.get(path)).json()

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


async def test_a_listen_is_deleted_once_and_the_others_stay(alice) -> None:
    for ago in (10, 20):
        one = single(listen(at=NOW - ago))
        assert 200 == (await alice.post("/1/submit-listens", json=one)).status_code
    listens = (await alice.get("/1/user/alice/listens")).json()["payload"]["listens"]
    gone = {key: listens[0][key] for key in ("listened_at", "recording_msid")}
    native = {"id": "native", "user_id": "alice", "track_id": "x", "at": "2026-03-01T10:00:00Z"}
    await alice.put("/v1/tracks", json=[{"id": "x", "title": "b", "artist": "c"}])
    await alice.post("/v1/listens", json=native)
    others = (await alice.get("/1/user/alice/listens")).json()["payload"]["listens"]
    elsewhere = {key: others[-1][key] for key in ("listened_at", "recording_msid")}
    bob = {"Authorization": "Token another-token-of-somebody"}

    async def left() -> list[int]:
        page = (await alice.get("/1/user/alice/listens")).json()["payload"]["listens"]
        return [one["listened_at"] for one in page]

    assert 200 == (await alice.post("/1/delete-listen", json=gone, headers=bob)).status_code
    assert 3 == len(await left())
    for _ in range(2):
        assert {"status": "ok"} == (await alice.post("/1/delete-listen", json=gone)).json()
    assert [NOW - 20, elsewhere["listened_at"]] == await left()
    assert {"status": "ok"} == (await alice.post("/1/delete-listen", json=elsewhere)).json()
    assert [NOW - 20] == await left()
    for wrong in ({}, gone | {"listened_at": "x"}, gone | {"recording_msid": "x"}):
        assert 400 == (await alice.post("/1/delete-listen", json=wrong)).status_code


@pytest.mark.parametrize("limit, statuses", [(1, [200, 503]), (0, [200, 200])])
async def test_who_sends_too_much_is_told_to_come_again(tmp_path, limit, statuses) -> None:
    """Ten minutes' worth at once is let in, and nothing is limited at 0."""
    settings = Settings(data_dir=str(tmp_path), user_listens_per_minute=limit)
    async with AsyncTestClient(create_app(settings)) as client:
        client.headers["Authorization"] = "Token alice"
        answers = []
        for start in (0, 10):
            payload = [listen(at=NOW - 60 - start - number) for number in range(10)]
            batch = {"listen_type": "import", "payload": payload}
            answers.append(await client.post("/1/submit-listens", json=batch))

    assert statuses == [one.status_code for one in answers]
    if limit:
        assert 503 == answers[1].json()["code"]
        assert int(answers[1].headers["retry-after"]) > 0
