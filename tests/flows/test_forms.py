"""The forms of a list over HTTP, as different clients ask for them."""

import msgspec
import pytest
from litestar.testing import AsyncTestClient

URL = "/v1/users/jazz-u0/recommendations"
MSGPACK = "application/msgpack"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
@pytest.mark.parametrize("media", ["application/json", MSGPACK])
async def test_every_form_is_the_same_list(world: AsyncTestClient, media: str, coding: str) -> None:
    """httpx undoes the coding by what Content-Encoding says, as any client does."""
    plain = await world.get(URL, headers={"Accept-Encoding": "identity"})
    answer = await world.get(URL, headers={"Accept": media, "Accept-Encoding": coding})
    kind = media.removeprefix("application/")
    decode = msgspec.msgpack.decode if media == MSGPACK else msgspec.json.decode

    assert (media, coding) == (answer.headers["content-type"], answer.headers["content-encoding"])
    assert "content-encoding" not in plain.headers
    assert plain.json() == decode(answer.content)
    assert f'"{plain.json()["list_id"]}-{kind}-{coding}"' == answer.headers["etag"]
    assert "Accept, Accept-Encoding" == answer.headers["vary"] == plain.headers["vary"]
    assert int(answer.headers["content-length"]) < len(plain.content) / 2


async def test_a_form_is_unchanged_or_another(world: AsyncTestClient) -> None:
    """The ETag of one form answers 304 for that form alone."""
    br, gzip = {"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip"}
    known = {"If-None-Match": (await world.get(URL, headers=br)).headers["etag"]}
    same = await world.get(URL, headers=br | known)
    other = await world.get(URL, headers=gzip | known)
    packed = await world.get(URL, headers=br | known | {"Accept": MSGPACK})
    fewer = await world.get(f"{URL}?fields=score", headers=br | known)

    assert [304, 200, 200, 200] == [one.status_code for one in (same, other, packed, fewer)]
    assert known["If-None-Match"] == same.headers["etag"]
    assert not {"age", "content-type", "content-length", "content-encoding"} & same.headers.keys()


async def test_only_the_members_named_are_sent(world: AsyncTestClient) -> None:
    whole = (await world.get(URL)).json()
    page = (await world.get(f"{URL}?fields=track.id,score,reason.text")).json()

    assert whole.keys() == page.keys()
    assert whole["list_id"] == page["list_id"]
    assert [
        {
            "track": {"id": one["track"]["id"]},
            "score": one["score"],
            "reason": {"text": one["reason"]["text"]},
        }
        for one in whole["recommendations"]
    ] == page["recommendations"]


async def test_fields_share_one_cached_list(world: AsyncTestClient) -> None:
    first = await world.get(f"{URL}?fields=rank")
    second = await world.get(f"{URL}?fields=score")

    assert "cache;desc=miss" == first.headers["server-timing"]
    assert "cache;desc=local" == second.headers["server-timing"]
    assert first.headers["etag"] != second.headers["etag"]


async def test_what_nobody_can_answer_is_refused(world: AsyncTestClient) -> None:
    unknown = await world.get(f"{URL}?fields=track.id,nope")
    neither = await world.get(URL, headers={"Accept": "text/html"})

    assert (400, "/problems/invalid") == (unknown.status_code, unknown.json()["type"])
    assert "nope" in unknown.json()["detail"]
    assert (406, "/problems/not-acceptable") == (neither.status_code, neither.json()["type"])


async def test_strangers_forms_are_their_own(world: AsyncTestClient) -> None:
    """One list serves all strangers, but no compressed body names somebody else."""
    for user in ("nobody-1", "nobody-2", "nobody-1"):
        answer = await world.get(f"/v1/users/{user}/recommendations")
        assert user == answer.json()["user_id"]


async def test_the_description_knows_the_forms(client: AsyncTestClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    recommend = document["paths"]["/v1/users/{user_id}/recommendations"]["get"]
    content = recommend["responses"]["200"]["content"]
    fields = next(one for one in recommend["parameters"] if one["name"] == "fields")

    assert {"application/json", MSGPACK} <= content.keys()
    assert content["application/json"] == content[MSGPACK]
    assert "track.id" in fields["schema"]["description"]
