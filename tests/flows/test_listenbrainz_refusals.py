"""Every 400 of the ListenBrainz door is given once, in the contract's shape; none is forgotten."""

import ast
import json
from pathlib import Path
from typing import Any

from tests.flows.scrobbles import MBID, NOW
from tests.flows.test_listenbrainz_submit import CASES

SOURCE = Path(__file__).parents[2] / "service" / "doors" / "listenbrainz"
MINE = "/1/user/alice"
FEEDBACK, RATING = "/1/feedback/recording-feedback", "/1/recommendation/feedback/submit"
ASKED = "/1/feedback/user/alice/get-feedback-for-recordings"
BLOCK, DELETE = "/1/do-not-recommend/add", "/1/delete-listen"
LOVED = {"recording_mbid": MBID, "score": 1}
RATED = {"recording_mbid": MBID, "rating": "love"}
BLOCKED = {"entity": "recording", "entity_mbid": MBID}
GONE = {"listened_at": NOW, "recording_msid": MBID}
GETS = {
    f"{MINE}/listens?max_ts=5&min_ts=5": "max_ts should be greater than min_ts",
    f"{MINE}/listens?count=-1": "'count' should be a non-negative integer",
    f"{MINE}/listens?max_ts=1e9": "'max_ts' should be a non-negative integer",
    f"{MINE}/playlists/createdfor?offset=x": "'offset' should be a non-negative integer",
    "/1/cf/recommendation/user/alice/recording?count=%D9%A3": "'count' should be",
    "/1/feedback/user/alice/get-feedback?score=2": "Score can have a value of 1 or -1.",
    ASKED: "has no valid recording id",
    f"{ASKED}?recording_mbids=x": "hold what is no id",
    "/1/stats/user/alice/artists?range=decade": "Invalid range: decade",
    "/1/stats/user/alice/nonsense": "There are artists",
    "/1/latest-import?service=myspace": "Service must be one of",
    "/1/metadata/lookup?artist_name=x": "artist_name and recording_name are needed",
    f"/1/metadata/lookup?artist_name=x&recording_name={'y' * 251}": "of 250 characters at most",
}
POSTS: list[tuple[str, Any, str]] = [
    (FEEDBACK, b"{", "Invalid JSON document submitted."),
    (FEEDBACK, LOVED | {"more": 1}, "may only contain recording_mbid"),
    (FEEDBACK, {"score": 1}, "must contain a valid recording_mbid or recording_msid"),
    (FEEDBACK, LOVED | {"recording_msid": 7}, "must contain a valid recording_mbid"),
    (FEEDBACK, LOVED | {"score": 2}, "Feedback can have a value of 1, 0 or -1."),
    (FEEDBACK, LOVED | {"score": True}, "Feedback can have a value of 1, 0 or -1."),
    (RATING, {"recording_mbid": MBID}, "must contain recording_mbid and rating"),
    (RATING, RATED | {"recording_mbid": "x"}, "recording_mbid MBID format invalid."),
    (RATING, RATED | {"rating": ["love"]}, "Feedback can only have a value of"),
    (ASKED, {"recording_mbids": "x"}, "must be lists"),
    (ASKED, {"recording_mbids": [MBID] * 1_001}, "more than 1000"),
    (BLOCK, BLOCKED | {"more": 1}, "may only contain entity, entity_mbid and until"),
    (BLOCK, BLOCKED | {"entity": "song"}, "Value for key entity is invalid"),
    (BLOCK, BLOCKED | {"entity_mbid": None}, "Value for key entity_mbid is invalid"),
    (BLOCK, BLOCKED | {"entity": "release"}, "blocks recordings and artists"),
    (BLOCK, BLOCKED | {"until": 1.5}, "Value for key until is invalid"),
    (DELETE, GONE | {"listened_at": True}, "Listen timestamp missing or invalid."),
    (DELETE, GONE | {"recording_msid": 5}, "Recording MSID missing or invalid."),
    ("/1/latest-import", {"ts": -1}, "Invalid JSON document submitted."),
    ("/1/latest-import", {"ts": 1, "service": "x"}, "Service must be one of"),
]


def texts() -> dict[str, str]:
    """The longest fixed part of what each `bad(…)` says, and where it stands."""
    found = {}
    for path in sorted(SOURCE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "bad":
                parts = [
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
                found[max(parts, key=len)] = f"{path.name}:{node.lineno}"
    return found


async def test_every_refusal_is_given_in_its_words(alice) -> None:
    said: list[str] = []

    async def refused(method: str, path: str, expected: str, body: bytes | None = None) -> None:
        headers = {"Authorization": ""} if path == "/1/validate-token" else {}
        answer = await alice.request(method, path, content=body, headers=headers)
        assert (400, 400) == (answer.status_code, answer.json()["code"]), (path, answer.text)
        assert expected in answer.json()["error"], path
        said.append(answer.json()["error"])

    for expected, body in CASES:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await refused("POST", "/1/submit-listens", expected, content)
    await refused("GET", "/1/validate-token", "You need to provide an Authorization token.")
    for path, expected in GETS.items():
        await refused("GET", path, expected)
    for path, body, expected in POSTS:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await refused("POST", path, expected, content)

    silent = {
        text: place for text, place in texts().items() if not any(text in one for one in said)
    }
    assert {} == silent
    assert len(texts()) > 40


async def test_numbers_at_the_edge_are_let_in(alice) -> None:
    """The control: what is just within the limits is no 400."""
    for path in (
        f"{MINE}/listens?count=999999999999999&max_ts=253402300800",
        f"{MINE}/listens?max_ts=6&min_ts=5",
        "/1/feedback/user/alice/get-feedback?score=-1",
        f"/1/metadata/lookup?artist_name=x&recording_name={'y' * 250}",
        "/1/latest-import?service=librefm",
    ):
        assert 200 == (await alice.get(path)).status_code, path
