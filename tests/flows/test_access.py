"""Who calls and what they may do, through all the doors."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from service.api_key import SCOPES
from tests.flows.guarded import EVERYTHING, A, B, Guarded, guarded
from tests.flows.hostile import PROBLEM

LISTS = f"/v1/users/{A}/recommendations"


@pytest.fixture
async def service(tmp_path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path, fitted=False) as one:
        yield one


async def test_without_a_key_nothing_but_what_is_public_is_answered(service: Guarded) -> None:
    _, token = await service.key()

    for url in (LISTS, "/v1/trending", "/v1/nothing", "/v1/models"):
        answer = await service.ask("GET", url)
        assert 401 == answer.status_code
        assert PROBLEM == answer.headers["content-type"]
        assert "/problems/unauthenticated" == answer.json()["type"]
        assert 'Bearer realm="EchoTune"' == answer.headers["www-authenticate"]
    for url in ("/health/live", "/health/ready", "/schema", "/problems/forbidden"):
        assert 200 == (await service.ask("GET", url)).status_code, url
    assert 200 == (await service.ask("GET", LISTS, token)).status_code


async def test_a_key_may_come_in_either_header_and_only_once(service: Guarded) -> None:
    _, token = await service.key()
    once = {"X-API-Key": token}

    assert 200 == (await service.ask("GET", LISTS, headers=once)).status_code
    twice = await service.ask("GET", LISTS, token, headers=once)
    assert 401 == twice.status_code
    assert "once" in twice.json()["detail"]


async def test_what_a_key_may_not_do_is_forbidden_on_every_way(service: Guarded) -> None:
    """A list by the front, a listen by the inlet, the rest by the application."""
    _, reader = await service.key(scopes=("recs:read",))
    _, writer = await service.key(scopes=("events:write",))
    listen = {"user_id": A, "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"}

    assert 200 == (await service.ask("GET", LISTS, reader)).status_code
    assert 403 == (await service.ask("GET", LISTS, writer)).status_code
    assert 202 == (await service.ask("POST", "/v1/listens", writer, json=listen)).status_code
    refused = await service.ask("POST", "/v1/listens", reader, json=listen)
    assert (403, "/problems/forbidden") == (refused.status_code, refused.json()["type"])
    assert 403 == (await service.ask("POST", "/v1/models", writer)).status_code


async def test_a_key_of_one_user_writes_for_nobody_else(service: Guarded) -> None:
    _, mine = await service.key(user_id=A)
    listen = {"track_id": "jazz00", "at": "2026-03-02T10:00:00Z"}
    before = await service.house.store.counts()
    foreign = [listen | {"user_id": A}, listen | {"user_id": B}]
    odd = [*foreign, {"user_id": B, "track_id": 3}]  # which the inlet does not understand

    for body in (foreign, odd, listen | {"user_id": B}):
        assert 403 == (await service.ask("POST", "/v1/listens", mine, json=body)).status_code
    liked = {"user_id": B, "track_id": "jazz00", "action": "like"}
    assert 403 == (await service.ask("POST", "/v1/feedback", mine, json=liked)).status_code
    assert before == await service.house.store.counts()

    own = [listen | {"user_id": A}]
    assert 202 == (await service.ask("POST", "/v1/listens", mine, json=own)).status_code
    mine_liked = liked | {"user_id": A}
    assert 202 == (await service.ask("POST", "/v1/feedback", mine, json=mine_liked)).status_code


async def test_what_one_was_sent_is_not_kept_for_another(service: Guarded) -> None:
    """The list of A is in the cache, made a moment ago for A."""
    (_, of_a), (_, of_b) = await service.key(user_id=A), await service.key(user_id=B)
    tag = (await service.ask("GET", LISTS, of_a)).headers["etag"]

    stolen = await service.ask("GET", LISTS, of_b, headers={"If-None-Match": tag})

    assert 403 == stolen.status_code
    assert "etag" not in stolen.headers
    assert A not in stolen.json()["detail"]


async def test_a_key_ends_when_it_is_revoked_or_over(service: Guarded) -> None:
    key, token = await service.key()
    now = datetime.now(UTC)
    assert 200 == (await service.ask("GET", LISTS, token)).status_code

    await service.house.store.put_key(msgspec.structs.replace(key, revoked_at=now))
    await service.house.gate.keyring.refresh()
    refused = await service.ask("GET", LISTS, token)

    assert 401 == refused.status_code
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    _, over = await service.key(expires_at=now - timedelta(seconds=1))
    assert 401 == (await service.ask("GET", LISTS, over)).status_code


async def test_who_asks_too_often_is_told_when_to_come_back(service: Guarded) -> None:
    (_, often), (_, other) = await service.key(per_s=0.5, burst=3), await service.key(per_s=0)

    answers = [await service.ask("GET", LISTS, often) for _ in range(5)]

    assert [200, 200, 200, 429, 429] == [answer.status_code for answer in answers]
    assert "/problems/rate-limited" == answers[-1].json()["type"]
    assert answers[-1].headers["retry-after"] in ("1", "2")
    assert {200} == {(await service.ask("GET", LISTS, other)).status_code for _ in range(20)}


async def test_a_player_with_such_a_key_is_never_told_429(service: Guarded) -> None:
    """It would drop the listen; told twice who it is, it hears of it in the words of its door."""
    path, (_, often) = "/1/submit-listens", await service.key(per_s=0.5, burst=1)
    answers = [await service.ask("POST", path, often) for _ in range(2)]
    twice = await service.ask("POST", path, often, headers={"X-API-Key": often})

    assert [401, 503] == [one.status_code for one in answers]
    assert int(answers[1].headers["retry-after"]) > 0
    assert 401 == twice.status_code
    for one in (answers[1], twice):
        assert {"code", "error"} == one.json().keys()
        assert one.status_code == one.json()["code"]
        assert "application/json" == one.headers["content-type"]


async def test_where_nobody_is_asked_everybody_may(tmp_path) -> None:
    async with guarded(tmp_path, access="off") as service:
        assert 200 == (await service.ask("GET", LISTS)).status_code
        assert 200 == (await service.ask("GET", LISTS, "et_nonsense")).status_code


def test_all_scopes_but_public_are_everything() -> None:
    assert {"public"} == set(SCOPES) - set(EVERYTHING)


async def test_what_is_refused_or_done_with_rights_is_written_down(tmp_path) -> None:
    """Who, what and how it ended: no secret, no user, nothing of the query or the body."""
    async with guarded(tmp_path, fitted=False) as service:
        key, token = await service.key(user_id=A)
        operator, admin = await service.key(scopes=("admin:models",))
        canaries = {"CANARYHEADER", "CANARYQUERY", "CANARYPATH", "CANARYBODY"}
        headers = {"X-API-Key": "et_CANARYHEADER_" + "0" * 43}
        await service.ask("GET", f"/v1/users/{B}/profile?x=CANARYQUERY", token)
        await service.ask("POST", "/v1/CANARYPATH", headers=headers, content="CANARYBODY")
        await service.ask("GET", "/v1/models", admin)
        await service.ask("GET", LISTS, token)  # nothing of note

    lines = (tmp_path / "audit").glob("*.jsonl")
    text = "".join([path.read_text() for path in lines])
    told = [msgspec.json.decode(line)["entry"] for line in text.splitlines()]
    rows = [(one.get("who", ""), one["what"], one["outcome"]) for one in told if "what" in one]

    assert (key.id, "GET /v1/users/*/profile", 403) in rows
    assert ("", "POST /v1/*", 401) in rows
    assert (operator.id, "GET /v1/models", 200) in rows
    assert not any("recommendations" in what for _, what, _ in rows)
    for secret in (*canaries, A, B, token.rsplit("_", 1)[1], admin.rsplit("_", 1)[1]):
        assert secret not in text


async def test_every_answer_says_what_browsers_may_do(service: Guarded) -> None:
    _, token = await service.key()

    for url, caller in ((LISTS, token), (LISTS, None), ("/health/live", None), ("/no", token)):
        answer = await service.ask("GET", url, caller)
        assert "nosniff" == answer.headers["x-content-type-options"], url
        assert "no-referrer" == answer.headers["referrer-policy"], url
    page = await service.ask("GET", "/schema")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    for wanted in ("script-src 'self' 'unsafe-inline'", "style-src 'self'", "connect-src 'self'"):
        assert wanted in policy
