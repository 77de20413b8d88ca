"""Of what an issuer publishes only that is used which may have signed a token for us."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.access.jwk_set import ALGORITHMS, MOST_KEYS, signing_keys
from service.access.jwk_source import MOST_BYTES, reader
from service.errors import Invalid
from tests.issuer import ec_key, ed_key, jwk, key_set, rsa_key

GOOD = jwk(rsa_key(), "one")


def names(*keys: dict[str, Any], allowed: Any = ALGORITHMS) -> set[tuple[str, str]]:
    return set(signing_keys(key_set(*keys), allowed))


def test_a_key_of_each_kind_is_used() -> None:
    keys = (
        GOOD,
        jwk(rsa_key(), "two", "PS256"),
        jwk(ec_key(), "three", "ES256"),
        jwk(ed_key(), "four", "EdDSA"),
    )

    assert {("one", "RS256"), ("two", "PS256"), ("three", "ES256"), ("four", "EdDSA")} == (
        names(*keys)
    )
    assert {("one", "RS256")} == names(*keys, allowed=("RS256",))


def test_a_key_that_names_no_algorithm_may_sign_with_any_of_its_kind() -> None:
    bare = {name: value for name, value in GOOD.items() if name not in ("alg", "use")}

    assert {("one", "RS256"), ("one", "PS256")} == names(bare)
    assert {("one", "RS256")} == names(bare, allowed=("RS256",))


@pytest.mark.parametrize(
    "wrong",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"kid": ""},
        {"kid": None},
        {"kid": 1},
        {"alg": "RSA-OAEP"},
        {"alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC"},
        {"n": ""},
        {"n": "!"},
        {"e": "AA"},
        {"n": "AQAB"},
    ],
    ids=range(13),
)
def test_a_key_that_cannot_have_signed_spoils_no_other(wrong: dict[str, Any]) -> None:
    assert {("good", "RS256")} == names(GOOD | wrong, GOOD | {"kid": "good"})


@pytest.mark.parametrize("bits", [1_024])
def test_a_key_that_can_be_broken_is_not_used(bits: int) -> None:
    assert set() == names(jwk(rsa_key("short", bits), "one"))


def test_a_secret_is_no_key() -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "one", "alg": "HS256", "use": "sig"}

    assert set() == names(secret)


def test_of_two_keys_with_one_name_the_first_counts() -> None:
    other = jwk(rsa_key("two"), "one")
    (found,) = signing_keys(key_set(GOOD, other), ("RS256",)).values()
    (alone,) = signing_keys(key_set(GOOD), ("RS256",)).values()

    assert alone.key.public_numbers() == found.key.public_numbers()


def test_what_is_private_in_it_is_not_read() -> None:
    numbers = rsa_key().private_numbers()
    leaked = GOOD | {"d": "AQAB", "p": str(numbers.p)}

    (found,) = signing_keys(key_set(leaked), ("RS256",)).values()

    assert not hasattr(found.key, "private_numbers")


def test_a_thousand_keys_are_not_all_made() -> None:
    many = [GOOD | {"kid": f"k{number}"} for number in range(1_000)]

    assert MOST_KEYS == len(names(*many, allowed=("RS256",)))


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'{"keys":1}', b"\xff", b"[" * 100_000])
def test_what_is_no_set_is_said_so(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no set of keys"):
        signing_keys(raw, ("RS256",))


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    read = reader(str(path))
    with pytest.raises(OSError, match="No such file"):
        read()
    path.write_text(json.dumps({"keys": []}))
    assert b'{"keys": []}' == read()
    path.write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(ValueError, match="more than"):
        read()


@pytest.mark.parametrize(
    "where",
    [
        "http://issuer.example/keys",
        "https://",
        "https://user:password@issuer.example/keys",
        "https://issuer.example/keys#x",
    ],
)
def test_an_address_that_others_could_answer_is_refused(where: str) -> None:
    with pytest.raises(Invalid, match="ECHOTUNE_JWT_KEYS") as refused:
        reader(where)
    assert "password" not in str(refused.value)
