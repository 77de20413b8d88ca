"""Bar 21: what is tried with tokens. Each is a good token of Ada with one thing wrong.

`naive` names those that PyJWT takes as it comes, told nothing but key, algorithm and audience.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import jwt

from tests.issuer import (
    AUDIENCE,
    NAME,
    claims,
    coded,
    ec_key,
    jwk,
    key_set,
    pem,
    rsa_key,
    token,
)

NOW = int(time.time())
EVIL = rsa_key("evil")
FAR = 253_370_764_800  # the year 9999
EVIL_URL = "http://127.0.0.1:1/keys"


def unsigned(algorithm: str, signature: str = "") -> str:
    head = json.dumps({"alg": algorithm, "kid": "one", "typ": "at+jwt"}).encode()
    return f"{coded(head)}.{coded(json.dumps(claims()).encode())}.{signature}"


def by_secret(secret: bytes, *, says: str = "HS256") -> str:
    """Signed with what everybody may know, in the hope that it is taken for a shared secret."""
    head = json.dumps({"alg": says, "kid": "one", "typ": "at+jwt"}).encode()
    text = f"{coded(head)}.{coded(json.dumps(claims()).encode())}"
    made = jwt.get_algorithm_by_name("HS256")
    return f"{text}.{coded(made.sign(text.encode(), secret))}"


def swapped(place: int) -> str:
    """One character of the signature is another one."""
    head, body, signature = token().split(".")
    other = "A" if signature[place] != "A" else "B"
    place %= len(signature)
    return f"{head}.{body}.{signature[:place]}{other}{signature[place + 1 :]}"


def respelled() -> str:
    """The same signature: its last character holds four bits that mean nothing."""
    good = token()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return good[:-1] + letters[letters.index(good[-1]) ^ 1]


def part(number: int, wrong: str) -> str:
    parts = token().split(".")
    parts[number] = wrong
    return ".".join(parts)


def other_body() -> str:
    """Of Bob, with the signature of Ada's."""
    return part(1, coded(json.dumps(claims(sub="bob")).encode()))


def deep(times: int = 3_000) -> bytes:
    return b'{"alg":"RS256","kid":"one","typ":"at+jwt","x":' + b"[" * times + b"]" * times + b"}"


def raw(member: str) -> bytes:
    """The claims with one more that `json` would not write."""
    name = member.split(":", maxsplit=1)[0].strip('"')
    return (json.dumps(claims(**{name: None}))[:-1] + "," + member + "}").encode()


def evil_jwk() -> dict[str, Any]:
    return jwk(EVIL, "one")


ATTACKS: dict[str, Callable[[], str]] = {
    "no signature": lambda: unsigned("none"),
    "none, and something": lambda: unsigned("none", "AAAA"),
    "nOnE": lambda: unsigned("nOnE", token().split(".")[2]),
    "a signature cut off": lambda: ".".join(token().split(".")[:2]) + ".",
    "the public key for a secret": lambda: by_secret(pem(rsa_key())),
    "its modulus for a secret": lambda: by_secret(jwk(rsa_key(), "one")["n"].encode()),
    "the published set for a secret": lambda: by_secret(key_set(jwk(rsa_key(), "one"))),
    "an empty secret": lambda: by_secret(b""),
    "a secret, told as RS256": lambda: by_secret(pem(rsa_key()), says="RS256"),
    "another algorithm of the same key": lambda: token(algorithm="PS256"),
    "a longer digest of the same key": lambda: token(algorithm="RS512"),
    "a key of another kind": lambda: token(algorithm="ES256", key=ec_key()),
    "signed by somebody else": lambda: token(key=EVIL),
    "no kid": lambda: token(head={"kid": None}),
    "an unknown kid": lambda: token(head={"kid": "two"}, key=EVIL),
    "an empty kid": lambda: token(head={"kid": ""}),
    "a kid that is a number": lambda: token(head={"kid": 1}),
    "a kid that is a path": lambda: token(head={"kid": "../../../dev/null"}),
    "a kid that is SQL": lambda: token(head={"kid": "one' UNION SELECT 'x"}),
    "a kid of a megabyte": lambda: token(head={"kid": "one" * 350_000}),
    "brings its own key": lambda: token(key=EVIL, head={"jwk": evil_jwk()}),
    "says where its key is": lambda: token(key=EVIL, head={"jku": EVIL_URL}),
    "says where its certificate is": lambda: token(key=EVIL, head={"x5u": EVIL_URL}),
    "brings its own certificate": lambda: token(key=EVIL, head={"x5c": [coded(pem(EVIL))]}),
    "something critical": lambda: token(head={"crit": ["exp2"], "exp2": 1}),
    "nothing critical": lambda: token(head={"crit": []}),
    "a body that is not encoded": lambda: token(head={"b64": False, "crit": ["b64"]}),
    "no type": lambda: token(head={"typ": None}),
    "an ID token by its type": lambda: token(head={"typ": "JWT"}),
    "a token of a log-out": lambda: token(head={"typ": "logout+jwt"}),
    "a type that is a number": lambda: token(head={"typ": 1}),
    "an ID token by its nonce": lambda: token(claims(nonce="x")),
    "an ID token by its hash": lambda: token(claims(at_hash="x")),
    "an ID token by its claim": lambda: token(claims(typ="ID")),
    "a refresh token": lambda: token(claims(typ="Refresh")),
    "for somebody else": lambda: token(claims(aud="https://other.example/")),
    "for somebody with a longer name": lambda: token(claims(aud=AUDIENCE + "x")),
    "for others": lambda: token(claims(aud=["a", "b"])),
    "for nobody": lambda: token(claims(aud=None)),
    "for a number": lambda: token(claims(aud=[1])),
    "of another issuer": lambda: token(claims(iss="https://evil.example/")),
    "of almost that issuer": lambda: token(claims(iss=NAME.rstrip("/"))),
    "of several issuers": lambda: token(claims(iss=[NAME])),
    "of no issuer": lambda: token(claims(iss=None)),
    "no end": lambda: token(claims(exp=None)),
    "over": lambda: token(claims(iat=NOW - 900, exp=NOW - 120)),
    "over since 1970": lambda: token(claims(exp=0)),
    "an end before all": lambda: token(claims(exp=-1)),
    "an end as text": lambda: token(claims(exp=str(NOW + 600))),
    "an end that is true": lambda: token(claims(exp=True)),
    "no number for an end": lambda: token(raw('"exp":NaN')),
    "an endless end": lambda: token(raw('"exp":1e999')),
    "an end in the year 9999": lambda: token(claims(exp=FAR)),
    "a day's life": lambda: token(claims(exp=NOW + 86_400)),
    "from the beginning of time": lambda: token(claims(iat=0)),
    "no beginning": lambda: token(claims(iat=None)),
    "from tomorrow": lambda: token(claims(iat=NOW + 86_400, exp=NOW + 86_500)),
    "not before tomorrow": lambda: token(claims(nbf=NOW + 86_400)),
    "not before for ever": lambda: token(raw('"nbf":1e999')),
    "of no subject": lambda: token(claims(sub=None)),
    "of an empty subject": lambda: token(claims(sub="")),
    "of a number": lambda: token(claims(sub=1)),
    "of a subject that is no user": lambda: token(claims(sub="a b")),
    "of a subject with a line end": lambda: token(claims(sub="ada\n")),
    "of an operator": lambda: token(claims(sub={"$ne": None})),
    "a scope that is a list": lambda: token(claims(scope=["recs:read"])),
    "a signature with another character": lambda: swapped(100),
    "a signature with another beginning": lambda: swapped(0),
    "a signature spelled in another way": respelled,
    "a signature too long": lambda: token() + "AAAA",
    "a signature of another token": lambda: part(2, token(claims(sub="bob")).split(".")[2]),
    "a body of somebody else": other_body,
    "a body that is text": lambda: token(b'"ada"'),
    "a body that is a list": lambda: token(b"[]"),
    "a body that is no JSON": lambda: token(b"{"),
    "a body that is no UTF-8": lambda: token(b'{"sub":"\xff"}'),
    "a deep body": lambda: token(b'{"x":' + b"[" * 3_000 + b"]" * 3_000 + b"}"),
    "a header that is a list": lambda: token(head=b"[]"),
    "a header that is no JSON": lambda: token(head=b"{"),
    "a header that is no UTF-8": lambda: token(head=b'{"alg":"\xff"}'),
    "a deep header": lambda: token(head=deep()),
    "a header with two algorithms": lambda: token(head=b'{"alg":"RS256","alg":"none","kid":"one"}'),
    "a header that is not base64": lambda: part(0, "eyJ!"),
    "one character of base64": lambda: part(0, "e"),
    "padding": lambda: token() + "=",
    "spaces within": lambda: token().replace(".", ". "),
    "a line end behind": lambda: token() + "\n",
    "two parts": lambda: ".".join(token().split(".")[:2]),
    "five parts": lambda: token() + ".AAAA.AAAA",
    "empty parts": lambda: "..",
    "two tokens": lambda: f"{token()},{token()}",
    "a megabyte": lambda: token(claims(x="x" * 1_000_000)),
}

NAIVE = (
    "no kid",
    "no type",
    "an ID token by its type",
    "a token of a log-out",
    "an ID token by its nonce",
    "an ID token by its claim",
    "of another issuer",
    "of no issuer",
    "no end",
    "an end as text",
    "an end in the year 9999",
    "from the beginning of time",
    "no beginning",
    "of no subject",
    "of an empty subject",
    "of a subject that is no user",
    "a scope that is a list",
    "a megabyte",
)
"""PyJWT takes these as it comes: it is what we ask beyond that which refuses them."""
