"""Tokens without an issuer to ask, and what is written down of who came with one."""

from typing import Any

import msgspec

from tests.flows.guarded import guarded
from tests.issuer import AUDIENCE, NAME, KeyServer, claims, jwk, key_set, rsa_key, token

SETTINGS = {"jwt_issuer": NAME, "jwt_audience": AUDIENCE}
ADA = "/v1/users/ada/recommendations"


async def test_an_issuer_that_is_away_at_the_start_stops_nobody_with_a_key(tmp_path: Any) -> None:
    with KeyServer(b"") as gone:
        url = gone.url
    async with guarded(tmp_path, fitted=False, jwt_keys=url, **SETTINGS) as service:
        _, key = await service.key()

        assert 200 == (await service.ask("GET", ADA, key)).status_code
        assert 503 == (await service.ask("GET", ADA, token())).status_code
        assert 200 == (await service.ask("GET", "/health/live", token())).status_code


async def test_without_an_issuer_no_token_is_taken(tmp_path: Any) -> None:
    async with guarded(tmp_path, fitted=False) as service:
        assert service.house.gate.tokens is None
        assert 401 == (await service.ask("GET", ADA, token())).status_code


async def test_what_operators_do_is_written_down_without_who_they_are(
    tmp_path: Any,
) -> None:
    said = claims(sub="canary-of-somebody", scope="admin:models users:any")
    with KeyServer(key_set(jwk(rsa_key(), "one"))) as server:
        good, bad = token(said), token(said, key=rsa_key("evil"))
        async with guarded(tmp_path, fitted=False, jwt_keys=server.url, **SETTINGS) as service:
            assert 200 == (await service.ask("GET", "/v1/models", good)).status_code
            assert 401 == (await service.ask("GET", "/v1/models", bad)).status_code

    text = "".join([path.read_text() for path in (tmp_path / "audit").glob("*.jsonl")])
    rows = [msgspec.json.decode(line)["entry"] for line in text.splitlines()]
    assert {200, 401} <= {row["outcome"] for row in rows if row.get("what") == "GET /v1/models"}
    assert any(row.get("who", "").startswith("jwt:") for row in rows)
    for secret in ("canary", good.split(".")[1], good.split(".")[2], bad.split(".")[2]):
        assert secret not in text
