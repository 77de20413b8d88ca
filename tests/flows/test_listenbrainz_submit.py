"""Listens that players submit, and every reason for which they are refused."""

import json
from typing import Any

import pytest

from tests.flows.scrobbles import MBID, NAMES, NOW, informed, listen, single


def dated(when: object) -> dict:
    return single(listen(at=when))


WRONG: dict[str, list[Any]] = {
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
        *map(dated, ("soon", None, True, [], {}, "", "1e9")),
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
    "release_name must be a single string": [
        single(listen(release_name=["x"])),
        single(listen(release_name="x" * 501)),
    ],
    "additional_info must be an object": [
        single(listen(additional_info=[1])),
        single(listen(additional_info="x")),
    ],
    "tags must be a list of strings": [informed(tags="x"), informed(tags=[1])],
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


async def test_what_the_contract_refuses_is_refused_in_its_words(alice) -> None:
    for error, body in CASES:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await alice.post("/1/submit-listens", content=content)

        assert 400 == answer.status_code, (error, answer.text[:300])
        assert 400 == answer.json()["code"]
        assert error in answer.json()["error"]
    counts = await alice.app.state.house.store.counts()
    assert {"listens": 0, "tracks": 0, "users": 0} == counts


async def test_one_bad_listen_spoils_the_batch(alice) -> None:
    batch = {"listen_type": "import", "payload": [listen(), listen(artist_name="")]}
    answer = await alice.post("/1/submit-listens", json=batch)
    good = await alice.post("/1/submit-listens", json=single(listen()))

    assert (400, "") == (answer.status_code, answer.json()["track_metadata"]["artist_name"])
    assert (200, {"status": "ok"}) == (good.status_code, good.json())


async def test_a_thousand_listens_twice_are_a_thousand_listens(alice) -> None:
    payload = [
        listen(at=NOW - 60 - number, track_name=f"Song {number % 300}") for number in range(1_000)
    ]
    answers = [
        await alice.post("/1/submit-listens", json={"listen_type": "import", "payload": payload})
        for _ in range(2)
    ]
    count = await alice.get("/1/user/alice/listen-count")

    assert [(200, {"status": "ok"})] * 2 == [(one.status_code, one.json()) for one in answers]
    assert {"payload": {"count": 1_000}} == count.json()
    assert 300 == (await alice.app.state.house.store.counts())["tracks"]


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=X"}]
)
@pytest.mark.parametrize("path", ["/1/", "/1//", "/apis/listenbrainz/1/"])
async def test_listens_come_in_whatever_the_client_calls_them(alice, headers, path) -> None:
    body = json.dumps(single(listen(at=str(NOW - 60)))).encode()
    answer = await alice.post(
        f"{path}submit-listens/?return_msid=true", content=body, headers=headers
    )

    assert 200 == answer.status_code, answer.text
    assert {"status", "recording_msid"} == answer.json().keys()
