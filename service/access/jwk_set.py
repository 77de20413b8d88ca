"""The keys an issuer publishes (RFC 7517), those of them that may have signed a token for us.

Only public keys: with a shared secret whoever can check a token could make one, and a public key
taken for such a secret is the oldest trick there is.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
KIND: Mapping[Algorithm, tuple[str, str]] = {
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
MOST_KEYS = 100
LEAST_BITS, MOST_BITS = 2_048, 8_192
"""Of RSA: shorter ones can be broken, longer ones cost milliseconds each time."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Keys = Mapping[tuple[str, Algorithm], jwt.PyJWK]


class Jwk(Struct, frozen=True):
    """What we take of a key: nothing private, and nothing that says where else to look."""

    kty: str
    kid: str
    use: str = "sig"
    key_ops: tuple[str, ...] = ("verify",)
    alg: str = ""  # empty: any that its kind has
    crv: str = ""
    n: str = ""
    e: str = ""
    x: str = ""
    y: str = ""


class JwkSet(Struct, frozen=True):
    """What is published. A key that we do not understand spoils none of the others."""

    keys: list[msgspec.Raw]


def signing_keys(raw: bytes, algorithms: tuple[Algorithm, ...]) -> Keys:
    """The usable ones by name and algorithm; of two with the same name the first.

    Raises:
        ValueError: it is no set of keys.
    """
    found: dict[tuple[str, Algorithm], jwt.PyJWK] = {}
    try:
        published = msgspec.json.decode(raw, type=JwkSet)
    except UNREADABLE as error:
        raise ValueError("it is no set of keys") from error
    for one in published.keys[:MOST_KEYS]:
        try:
            jwk = msgspec.json.decode(one, type=Jwk)
        except UNREADABLE:
            continue
        for algorithm in _algorithms(jwk, algorithms):
            key = _key(jwk, algorithm)
            if key is not None:
                found.setdefault((jwk.kid, algorithm), key)
    return found


def _algorithms(jwk: Jwk, allowed: tuple[Algorithm, ...]) -> Iterator[Algorithm]:
    """Those it may sign with here."""
    if not jwk.kid or jwk.use != "sig" or "verify" not in jwk.key_ops:
        return
    for algorithm in allowed:
        if KIND[algorithm] == (jwk.kty, jwk.crv) and jwk.alg in ("", algorithm):
            yield algorithm


def _key(jwk: Jwk, algorithm: Algorithm) -> jwt.PyJWK | None:
    members = {name: getattr(jwk, name) for name in ("kty", "crv", "n", "e", "x", "y")}
    try:
        made = jwt.PyJWK({name: text for name, text in members.items() if text}, algorithm)
    except (jwt.PyJWTError, ValueError):
        return None
    if isinstance(made.key, RSAPublicKey) and not LEAST_BITS <= made.key.key_size <= MOST_BITS:
        return None
    return made
