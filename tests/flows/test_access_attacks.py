"""Bar 21: what is tried with keys. All of it is refused, and the good key next to it passes."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from tests.flows.guarded import A, B, Guarded, guarded

LISTS = f"/v1/users/{A}/recommendations"
Headers = list[tuple[bytes, bytes]]


def bearer(token: str | bytes) -> Headers:
    raw = token.encode() if isinstance(token, str) else token
    return [(b"authorization", b"Bearer " + raw)]


def swapped(token: str) -> str:
    """The same, its last character another one."""
    return token[:-1] + ("a" if token[-1] != "a" else "b")


def with_id(token: str, key_id: str) -> str:
    return f"et_{key_id}_{token.rsplit('_', 1)[1]}"


ATTACKS: dict[str, Callable[[str], Headers]] = {
    "nothing": lambda _: [],
    "an empty header": lambda _: [(b"authorization", b"")],
    "a scheme and no key": lambda _: [(b"authorization", b"Bearer")],
    "a scheme, a space, no key": lambda _: [(b"authorization", b"Bearer ")],
    "no scheme": lambda token: [(b"authorization", token.encode())],
    "another scheme": lambda token: [(b"authorization", b"Basic " + token.encode())],
    "a proxy's header": lambda token: [(b"proxy-authorization", b"Bearer " + token.encode())],
    "a cookie": lambda token: [(b"cookie", b"authorization=Bearer " + token.encode())],
    "two spaces": lambda token: [(b"authorization", b"Bearer  " + token.encode())],
    "a tab": lambda token: [(b"authorization", b"Bearer\t" + token.encode())],
    "space behind": lambda token: bearer(token + " "),
    "two keys in one": lambda token: bearer(f"{token},{token}"),
    "the header twice": lambda token: bearer(token) * 2,
    "both headers": lambda token: [*bearer(token), (b"x-api-key", token.encode())],
    "a bad one before a good one": lambda token: [*bearer("et_x"), *bearer(token)],
    "a good one before a bad one": lambda token: [*bearer(token), *bearer("et_x")],
    "the scheme in X-API-Key": lambda token: [(b"x-api-key", b"Bearer " + token.encode())],
    "one character less": lambda token: bearer(token[:-1]),
    "one character more": lambda token: bearer(token + "0"),
    "one character changed": lambda token: bearer(swapped(token)),
    "capitals": lambda token: bearer(token.upper()),
    "small letters": lambda token: bearer(token.lower()),
    "a prefix in capitals": lambda token: bearer("ET" + token[2:]),
    "the id alone": lambda token: bearer(token.rsplit("_", 1)[0]),
    "the secret alone": lambda token: bearer(token.rsplit("_", 1)[1]),
    "an empty secret": lambda token: bearer(token.rsplit("_", 1)[0] + "_"),
    "an unknown id": lambda token: bearer(with_id(token, "nobody")),
    "the id of whom nobody is": lambda _: bearer("et_nobody_" + "0" * 43),
    "a digest for a secret": lambda token: bearer(with_id("et_x_" + "0" * 64, token.split("_")[1])),
    "NUL behind": lambda token: bearer(token + "\0"),
    "NUL within": lambda token: bearer(token[:9] + "\0" + token[9:]),
    "a line end behind": lambda token: bearer(token + "\n"),
    "a header injected": lambda token: bearer(token + "\r\nX-User: admin"),
    "digits of another script": lambda token: bearer(
        token.translate({ord("0") + n: 0x660 + n for n in range(10)}) + "\u0661"
    ),
    "no UTF-8": lambda token: bearer(b"\xff\xfe" + token.encode()),
    "a megabyte": lambda token: bearer(token + "a" * 1_000_000),
    "a path": lambda _: bearer("../../etc/passwd"),
    "an operator": lambda _: bearer('{"$ne":null}'),
    "SQL": lambda _: bearer("et_' OR '1'='1_x"),
    "JSON for null": lambda _: bearer("null"),
    "a JWT without a signature": lambda _: bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
}


async def ask(service: Guarded, headers: Headers, url: str = LISTS) -> httpx.Response:
    request = service.client.build_request("GET", url)
    request.headers = httpx.Headers([(b"host", b"testserver"), *headers])
    return await service.client.send(request)


@pytest.fixture
async def service(tmp_path: Any) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path, fitted=False) as one:
        yield one


async def test_whatever_is_tried_is_refused(service: Guarded) -> None:
    _, token = await service.key()

    for name, headers in ATTACKS.items():
        refused = await ask(service, headers(token))
        good = await ask(service, bearer(token))

        assert 401 == refused.status_code, name
        assert "/problems/unauthenticated" == refused.json()["type"], name
        assert token.rsplit("_", 1)[1] not in refused.text, name
        assert 200 == good.status_code, name
    assert len(ATTACKS) >= 25


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER"])
async def test_the_scheme_is_written_in_any_case(service: Guarded, scheme: bytes) -> None:
    _, token = await service.key()

    assert (
        200
        == (await ask(service, [(b"authorization", scheme + b" " + token.encode())])).status_code
    )


async def test_keys_that_are_no_longer_or_of_others_open_nothing(service: Guarded) -> None:
    now = datetime.now(UTC)
    good, token = await service.key(user_id=A)
    _, of_b = await service.key(user_id=B)
    _, over = await service.key(user_id=A, expires_at=now - timedelta(seconds=1))
    revoked, gone = await service.key(user_id=A)
    assert 200 == (await ask(service, bearer(gone))).status_code  # it is remembered
    await service.house.store.put_key(msgspec.structs.replace(revoked, revoked_at=now))
    await service.house.gate.keyring.refresh()
    of_another = with_id(token, of_b.split("_")[1])

    assert 401 == (await ask(service, bearer(over))).status_code
    assert 401 == (await ask(service, bearer(gone))).status_code
    assert 401 == (await ask(service, bearer(of_another))).status_code
    assert 403 == (await ask(service, bearer(of_b))).status_code
    assert 200 == (await ask(service, bearer(token))).status_code
    assert good.digest not in token


@pytest.mark.parametrize(
    "url",
    [
        f"/v1/users/{A}/../{B}/profile",
        f"/v1/users/{A}%2f..%2f{B}/profile",
        f"/v1/users//{B}/profile",
        f"//v1/users/{B}/profile",
        f"/v1/users/{B}/profile/",
        f"/v1/users/{A}%00{B}/profile",
        f"/v1/users/{B};{A}/profile",
        f"/V1/users/{B}/profile",
        f"/v1/users/{B}/recommendations/",
        f"/v1/users/{B}/recommendations?user={A}",
        f"/v1/tracks/jazz00/similar?user={A}&user={B}",
        f"/v1/tracks/jazz00/similar?user={B}&user={A}",
        f"/schema/../v1/users/{B}/profile",
        f"/health/live/../../v1/users/{B}/profile",
    ],
)
async def test_no_spelling_of_a_path_leads_to_another_user(service: Guarded, url: str) -> None:
    _, mine = await service.key(user_id=A)
    headers = {"X-Original-URL": f"/v1/users/{B}/profile", "X-HTTP-Method-Override": "GET"}

    answer = await service.ask("GET", url, mine, headers=headers)

    assert answer.status_code in (400, 403, 404), answer.text
    assert '"listens"' not in answer.text
    assert "recommendations" not in answer.json()
