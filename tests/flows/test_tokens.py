"""Bar 21: tokens that somebody else signed, through all the doors."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jwt
import pytest
from msgspec import structs

from service.access import credential, issuer_keys, tokens
from service.access.gcra import Rate
from service.access.strangers import Strangers
from service.access.tokens import Tokens
from tests.flows.guarded import A, B, Guarded, guarded
from tests.flows.test_access_attacks import ask, bearer
from tests.flows.token_attacks import ATTACKS, NAIVE
from tests.issuer import (
    AUDIENCE,
    LISTENER,
    NAME,
    KeyServer,
    claims,
    ec_key,
    jwk,
    key_set,
    rsa_key,
    token,
)

SETTINGS = {"jwt_issuer": NAME, "jwt_audience": AUDIENCE}
ADA = "/v1/users/ada/recommendations"
GENEROUS = Strangers(Rate(1e6, 1e6))


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(key_set(jwk(rsa_key(), "one"), jwk(ec_key(), "ec", "ES256"))) as one:
        yield one


@pytest.fixture
async def service(tmp_path: Any, server: KeyServer) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path, fitted=False, jwt_keys=server.url, **SETTINGS) as one:
        changed(one, strangers=GENEROUS)
        yield one


def changed(service: Guarded, **more: Any) -> None:
    """From now on the doors ask this gate."""
    before = service.doors._gate()
    assert before is not None
    gate = structs.replace(before, **more)
    service.doors._gate = lambda: gate


def believing(service: Guarded, **more: Any) -> None:
    """From now on an issuer is believed that differs in this."""
    before = service.house.gate.tokens
    issuer = structs.replace(before.issuer, **more)
    keys = issuer_keys.IssuerKeys(before.keys.read, issuer.algorithms)
    changed(service, tokens=Tokens(issuer, keys))


async def test_a_good_token_is_served(service: Guarded) -> None:
    for _ in range(2):  # checked, and remembered
        answer = await service.ask("GET", ADA, token())
        assert 200 == answer.status_code, answer.text
        assert "ada" == answer.json()["user_id"]
    listen = {"user_id": "ada", "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"}
    assert 202 == (await service.ask("POST", "/v1/listens", token(), json=listen)).status_code


async def test_whatever_is_tried_is_refused(service: Guarded, server: KeyServer) -> None:
    asked = server.asked
    for name, attack in ATTACKS.items():
        bad, good = attack(), token()
        refused = await ask(service, bearer(bad.encode("latin-1")), ADA)
        served = await ask(service, bearer(good), ADA)

        assert 401 == refused.status_code, (name, refused.text)
        assert "/problems/unauthenticated" == refused.json()["type"], name
        assert 'error="invalid_token"' in refused.headers["www-authenticate"], name
        assert len(refused.text) < 400, name
        assert bad[-20:] not in refused.text or len(bad) < 20, name
        assert 200 == served.status_code, name
    assert len(ATTACKS) >= 80
    assert server.asked <= asked + 1  # of all names of keys together


@pytest.mark.parametrize("name", NAIVE)
def test_the_library_alone_would_take_it(name: str) -> None:
    """The control: nothing else is wrong with these."""
    key = rsa_key().public_key()

    said = jwt.decode(ATTACKS[name](), key, algorithms=["RS256"], audience=AUDIENCE)

    assert said


@pytest.mark.parametrize(
    "name, more",
    [
        ("another algorithm of the same key", {"algorithms": ("RS256", "PS256")}),
        ("no type", {"types": "jwt"}),
        ("an ID token by its type", {"types": "jwt"}),
        ("for somebody else", {"audience": "https://other.example/"}),
        ("for others", {"audience": "b"}),
        ("of another issuer", {"name": "https://evil.example/"}),
        ("a day's life", {"life_s": 86_400}),
    ],
)
async def test_where_it_is_allowed_the_same_is_served(
    service: Guarded, server: KeyServer, name: str, more: dict[str, Any]
) -> None:
    """The control: it was this setting that refused it."""
    if "algorithms" in more:
        bare = jwk(rsa_key(), "one")
        server.body = key_set({part: bare[part] for part in ("kty", "kid", "n", "e")})
    believing(service, **more)

    answer = await ask(service, bearer(ATTACKS[name]()), "/v1/trending")

    assert 200 == answer.status_code, answer.text


@pytest.mark.parametrize(
    "name, module, constant, value",
    [
        ("over", tokens, "LEEWAY_S", 10_000),
        ("a megabyte", credential, "LONGEST", 2_000_000),
        ("an ID token by its claim", tokens, "OF_OTHERS", frozenset()),
    ],
)
async def test_without_the_protection_the_same_is_served(
    service: Guarded, monkeypatch: Any, name: str, module: Any, constant: str, value: Any
) -> None:
    monkeypatch.setattr(module, constant, value)

    assert 200 == (await ask(service, bearer(ATTACKS[name]()), ADA)).status_code


async def test_what_a_header_says_of_keys_is_not_read_in_a_good_token_either(
    service: Guarded, server: KeyServer
) -> None:
    with KeyServer(key_set(jwk(rsa_key("evil"), "one"))) as evil:
        for more in ({"jku": evil.url}, {"x5u": evil.url}, {"jwk": jwk(rsa_key("evil"), "one")}):
            good, bad = token(head=more), token(head=more, key=rsa_key("evil"))
            assert 200 == (await service.ask("GET", ADA, good)).status_code
            assert 401 == (await service.ask("GET", ADA, bad)).status_code
        assert 0 == evil.asked


@pytest.mark.parametrize("where", ["x-api-key", "cookie", "query", "two headers", "twice"])
async def test_a_token_comes_in_one_place_alone(service: Guarded, where: str) -> None:
    """The control is every other test here: in that place it is taken."""
    raw = token().encode()
    headers = {
        "x-api-key": [(b"x-api-key", raw)],
        "cookie": [(b"cookie", b"access_token=" + raw)],
        "query": [],
        "two headers": [*bearer(raw), (b"x-api-key", raw)],
        "twice": bearer(raw) * 2,
    }[where]
    url = ADA + (f"?access_token={token()}" if where == "query" else "")

    assert 401 == (await ask(service, headers, url)).status_code


async def test_a_token_is_of_its_user_and_its_scopes(service: Guarded) -> None:
    async def status(method: str, url: str, **said: Any) -> int:
        answer = await service.ask(method, url, token(claims(**said)))
        if answer.status_code == 403:
            assert "/problems/forbidden" == answer.json()["type"]
        return answer.status_code

    admin = f"{LISTENER} admin:models"
    assert 200 == await status("GET", ADA)
    assert 403 == await status("GET", ADA, sub=B)
    assert 403 == await status("GET", f"/v1/users/{A}/profile")
    assert 403 == await status("GET", ADA, scope=None)
    assert 403 == await status("GET", ADA, scope="openid profile recs:reads public")
    assert 403 == await status("GET", ADA, scope="events:write")
    assert 403 == await status("GET", "/v1/models")
    assert 403 == await status("GET", "/v1/models", scope=admin)  # of one user, and that tells more
    assert 200 == await status("GET", "/v1/models", scope=f"{admin} users:any")
    assert 200 == await status("GET", f"/v1/users/{A}/profile", scope=f"{admin} users:any")
    assert 200 == await status("GET", f"/v1/users/{A}/profile", sub=A)
    assert 200 == await status("GET", "/v1/trending", sub="auth0|1", scope=f"{admin} users:any")


async def test_another_claim_may_say_whose_it_is(service: Guarded) -> None:
    believing(service, user_claim="uid")

    assert (
        200 == (await service.ask("GET", ADA, token(claims(sub="auth0|1", uid="ada")))).status_code
    )
    assert 401 == (await service.ask("GET", ADA, token())).status_code
    assert 401 == (await service.ask("GET", ADA, token(claims(uid=["ada"])))).status_code


async def test_a_token_signed_on_a_curve_is_served_where_that_is_allowed(service: Guarded) -> None:
    good = token(algorithm="ES256", key=ec_key(), head={"kid": "ec"})
    assert 401 == (await service.ask("GET", ADA, good)).status_code

    believing(service, algorithms=("ES256",))

    assert 200 == (await service.ask("GET", ADA, good)).status_code
    assert 401 == (await service.ask("GET", ADA, token())).status_code


class Later:
    """A clock that goes ahead when told to."""

    ahead = 0.0

    def __init__(self, clock: Any) -> None:
        self.clock = clock

    def __call__(self) -> float:
        return self.clock() + self.ahead


async def test_a_token_that_is_remembered_ends_with_its_time(service: Guarded) -> None:
    held = service.house.gate.tokens
    held._wall = later = Later(held._wall)
    good = token()
    assert 200 == (await service.ask("GET", ADA, good)).status_code
    assert held.remembered(b"Bearer " + good.encode()) is not None

    later.ahead = 631

    assert held.remembered(b"Bearer " + good.encode()) is None


async def test_keys_that_change_and_an_issuer_that_is_away(
    service: Guarded, server: KeyServer
) -> None:
    """A new key at once, an old one no more; an hour without the issuer, then 503; keys go on."""
    held = service.house.gate.tokens.keys
    held._clock = later = Later(held._clock)
    old, new = token(), token(key=rsa_key("two"), head={"kid": "two"})
    assert 200 == (await service.ask("GET", ADA, old)).status_code

    server.body = key_set(jwk(rsa_key("two"), "two"))
    assert (
        401 == (await service.ask("GET", ADA, new)).status_code
    )  # it was asked less than 60 s ago
    later.ahead += 61
    assert 200 == (await service.ask("GET", ADA, new)).status_code
    assert 401 == (await service.ask("GET", ADA, old)).status_code  # though it was remembered

    server.stop()
    later.ahead += 3_500
    assert 200 == (await service.ask("GET", ADA, new)).status_code
    later.ahead += 101
    closed = await service.ask("GET", ADA, new)
    assert 503 == closed.status_code
    assert "/problems/unavailable" == closed.json()["type"]
    assert closed.headers["retry-after"]
    _, key = await service.key()
    assert 200 == (await service.ask("GET", ADA, key)).status_code


@pytest.mark.parametrize("most", [20.0, 1e6])
async def test_who_sends_nothing_but_nonsense_is_not_looked_at_for_a_while(
    service: Guarded, most: float
) -> None:
    """The second case is the control. Keys, and tokens that were checked, go on all the same."""
    changed(service, strangers=Strangers(Rate(0.01, most)))
    _, key = await service.key()
    known, another = token(), token(claims(sub="eve"))
    assert 200 == (await service.ask("GET", ADA, known)).status_code

    bad = [await service.ask("GET", ADA, token(key=rsa_key("evil"))) for _ in range(25)]
    statuses = [answer.status_code for answer in bad]

    assert 200 == (await service.ask("GET", ADA, known)).status_code
    assert 200 == (await service.ask("GET", ADA, key)).status_code
    unseen = await service.ask("GET", "/v1/users/eve/recommendations", another)
    if most > 20:
        assert ([401] * 25, 200) == (statuses, unseen.status_code)
    else:
        assert [401] * 20 + [429] * 5 == statuses
        assert 429 == unseen.status_code
        assert int(bad[-1].headers["retry-after"]) > 1


async def test_all_tokens_of_one_subject_have_one_rate(service: Guarded, monkeypatch: Any) -> None:
    monkeypatch.setattr(tokens, "RATE", Rate(0.01, 3.0))
    answers: list[httpx.Response] = [
        await service.ask("GET", ADA, token(claims(jti=str(number)))) for number in range(5)
    ]

    assert [200, 200, 200, 429, 429] == [answer.status_code for answer in answers]
    other = await service.ask("GET", "/v1/users/eve/recommendations", token(claims(sub="eve")))
    assert 200 == other.status_code
