"""What the doctor says of tokens that somebody else signs."""

from pathlib import Path

import pytest

from service.cli.check import Check
from service.cli.doctor import examine
from tests import issuer
from tests.issuer import KeyServer, jwk, key_set, rsa_key

GOOD = key_set(jwk(rsa_key(), "one"), jwk(rsa_key("two"), "two"))
WITHOUT_NAME = key_set({**jwk(rsa_key(), "one"), "kid": ""})


def line(folder: Path, keys: str | None = None, **more: str) -> Check:
    """What it says, of all three settings unless `keys` is None."""
    named = {
        "ECHOTUNE_JWT_ISSUER": issuer.NAME,
        "ECHOTUNE_JWT_AUDIENCE": issuer.AUDIENCE,
        "ECHOTUNE_ACCESS": "on",
    }
    env = {"ECHOTUNE_DATA_DIR": str(folder), **named, **more}
    found = examine(env if keys is None else env | {"ECHOTUNE_JWT_KEYS": keys})
    return {one.name: one for one in found}["tokens"]


def test_keys_that_can_be_read_are_counted(tmp_path) -> None:
    with KeyServer(GOOD) as server:
        at_an_address = line(tmp_path, server.url)
    (tmp_path / "keys.json").write_bytes(GOOD)
    in_a_file = line(tmp_path, str(tmp_path / "keys.json"))

    assert "ok" == at_an_address.state == in_a_file.state
    assert at_an_address.text == in_a_file.text
    assert at_an_address.text.startswith(f"{issuer.NAME} for {issuer.AUDIENCE}, RS256, at+jwt")
    assert at_an_address.text.endswith("2 keys can be read")


def test_a_setting_that_is_missing_is_named(tmp_path) -> None:
    found = line(tmp_path)

    assert "fail" == found.state
    assert "ECHOTUNE_JWT_KEYS" in found.text
    assert "set what is missing" in found.next


def test_tokens_that_nobody_asks_for_are_a_warning(tmp_path) -> None:
    (tmp_path / "keys.json").write_bytes(GOOD)

    found = line(tmp_path, str(tmp_path / "keys.json"), ECHOTUNE_ACCESS="off")

    assert ("warn", "ECHOTUNE_ACCESS=on asks") == (found.state, found.next)


@pytest.mark.parametrize(
    "body, words",
    [(b"no keys", "cannot be read"), (b"", "cannot be read"), (WITHOUT_NAME, "none of its keys")],
)
def test_keys_that_are_of_no_use_are_a_failure(tmp_path, body: bytes, words: str) -> None:
    with KeyServer(body) as server:
        found = line(tmp_path, server.url)

    assert "fail" == found.state
    assert words in found.text
    assert found.next


def test_an_issuer_that_is_away_is_a_failure(tmp_path) -> None:
    with KeyServer(GOOD) as server:
        url = server.url

    found = line(tmp_path, url)

    assert "fail" == found.state
    assert "check ECHOTUNE_JWT_KEYS" in found.next
