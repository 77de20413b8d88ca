"""Tokens that somebody else signed (JWT, RFC 7519 and 9068), taken where keys are.

PyJWT checks signature, issuer, audience and times. As it comes, it takes a token that never ends or
belongs to nobody, so what a token must have is said here, and how long it may hold.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from hashlib import blake2b
from time import time
from typing import Annotated, Any, Literal, get_args

import jwt
import msgspec
from msgspec import Meta, Struct

from service.access.credential import NOTHING, Header, credential_in
from service.access.gcra import Rate
from service.access.identity import Identity
from service.access.issuer_keys import IssuerKeys
from service.access.jwk_set import ALGORITHMS, Algorithm, Keys
from service.access.jwk_source import reader
from service.api_key import SCOPES
from service.base62 import base62
from service.domain import UserId
from service.errors import Invalid, Unauthenticated
from service.settings import Settings

Types = Literal["at+jwt", "jwt"]

ANY_USER = "users:any"
"""A word of the claim `scope`: of all users, as an API key without one. Else it is of its own."""
REQUIRED = ("exp", "iat", "aud", "iss", "sub")
LEEWAY_S = 30
RATE = Rate(100.0, 200.0)
"""What an API key has unless it is made otherwise; all tokens of one subject share it."""
MOST_SEEN = 10_000
"""Headers whose meaning is remembered: a signature takes 50 µs or more each time."""
SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
OF_OTHERS = frozenset(("id", "refresh", "logout"))
WHY: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "it is over: get another one",
    jwt.ImmatureSignatureError: "it does not hold yet",
    jwt.InvalidAudienceError: "it is for somebody else",
    jwt.InvalidIssuerError: "it is of another issuer",
    jwt.MissingRequiredClaimError: "it has not all of exp, iat, aud, iss and sub",
}


class Issuer(Struct, frozen=True, kw_only=True):
    """Whom to believe, and what."""

    name: str
    audience: str
    algorithms: tuple[Algorithm, ...]
    life_s: int
    types: Types
    user_claim: str


class Head(Struct, frozen=True):
    """What we take of a header; where it says its key is (jku, jwk, x5u, x5c) is not read."""

    alg: str
    kid: Annotated[str, Meta(min_length=1, max_length=200)]
    typ: str = ""
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Claims(Struct, frozen=True):
    """What a token says; members with another type than RFC 7519 gives them are refused."""

    exp: Annotated[float, Meta(ge=0, le=1e11)]
    iat: Annotated[float, Meta(ge=0, le=1e11)]
    sub: Annotated[str, Meta(min_length=1, max_length=255)]
    scope: Annotated[str, Meta(max_length=4_000)] = ""
    typ: str = ""  # of Keycloak: Bearer, or ID
    nonce: Any = msgspec.UNSET  # only an ID token has these three
    at_hash: Any = msgspec.UNSET
    c_hash: Any = msgspec.UNSET


class Tokens:
    """Identities by token."""

    def __init__(
        self, issuer: Issuer, keys: IssuerKeys, *, wall: Callable[[], float] = time
    ) -> None:
        self.issuer, self.keys, self._wall = issuer, keys, wall
        self._seen: dict[Header, Identity] = {}
        self._seen_with: Keys = keys.all

    def remembered(self, header: Header) -> Identity | None:
        """Who sends this header, if that was asked before and still holds."""
        identity = self._seen.get(header)
        if identity is None or self._seen_with is not self.keys.all or not self.keys.hold:
            return None
        return identity if self._wall() < identity.until else None

    async def identity(self, header: Header) -> Identity:
        """Who sends this header.

        Raises:
            Unauthenticated: nobody who is let in.
            Unavailable: the keys of the issuer cannot be had.
        """
        token = None if isinstance(header, tuple) else credential_in(header)
        if token is None or SHAPE.fullmatch(token) is None:
            raise Unauthenticated(NOTHING, refused=True)
        head, algorithm = self._head(token)
        key = await self.keys.key(head.kid, algorithm)
        if key is None:
            raise refused("its key is none of the issuer's")
        identity = self._believed(token, key, algorithm)
        if self._seen_with is not self.keys.all or len(self._seen) >= MOST_SEEN:
            self._seen, self._seen_with = {}, self.keys.all
        self._seen[header] = identity
        return identity

    async def close(self) -> None:
        """Ask the issuer no more."""
        await self.keys.close()

    def _head(self, token: str) -> tuple[Head, Algorithm]:
        """The header, as far as it can be trusted before the signature is checked: to refuse."""
        try:
            part = token.partition(".")[0]
            raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
            head = msgspec.json.decode(raw, type=Head)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise refused("its header cannot be read, or names no key") from error
        algorithm = next((one for one in self.issuer.algorithms if one == head.alg), None)
        if algorithm is None:
            raise refused("it is signed in a way that is not allowed here")
        if head.crit is not msgspec.UNSET:
            raise refused("it wants something understood that is not understood here")
        kind = head.typ.lower().removeprefix("application/")
        if kind != "at+jwt" and not (self.issuer.types == "jwt" and kind in ("", "jwt")):
            raise refused("it is no access token")
        return head, algorithm

    def _believed(self, token: str, key: jwt.PyJWK, algorithm: Algorithm) -> Identity:
        try:
            said = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self.issuer.name,
                audience=self.issuer.audience,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
            claims = msgspec.convert(said, Claims)
        except jwt.PyJWTError as error:
            why = next((text for kind, text in WHY.items() if isinstance(error, kind)), "")
            raise refused(why or "the issuer has not signed it so") from error
        except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise refused("what it says has not the form of a token") from error
        if claims.exp - claims.iat > self.issuer.life_s:
            raise refused(f"it holds for longer than {self.issuer.life_s} s")
        odd = (claims.nonce, claims.at_hash, claims.c_hash) != (msgspec.UNSET,) * 3
        if odd or claims.typ.lower() in OF_OTHERS:
            raise refused("it is no access token")
        return self._identity(claims, said)

    def _identity(self, claims: Claims, said: dict[str, Any]) -> Identity:
        words = frozenset(claims.scope.split())
        user_id = None
        if ANY_USER not in words:
            try:
                user_id = msgspec.convert(said.get(self.issuer.user_claim), UserId)
            except msgspec.ValidationError as error:
                raise refused(f"its {self.issuer.user_claim} is the id of no user") from error
        whom = f"{self.issuer.name}\0{claims.sub}".encode()
        return Identity(
            name="jwt:" + base62(blake2b(whom, digest_size=8).digest()),
            scopes=words.intersection(SCOPES[1:]),
            user_id=user_id,
            rate=RATE,
            until=claims.exp + LEEWAY_S,
        )


def refused(why: str) -> Unauthenticated:
    """Why a token opens nothing."""
    return Unauthenticated(f"the token is refused: {why}", refused=True)


def tokens_of(settings: Settings) -> Tokens:
    """Those that the settings say to believe.

    Raises:
        Invalid: half of it is missing, or wrong.
    """
    if not (settings.jwt_issuer and settings.jwt_audience and settings.jwt_keys):
        raise Invalid(
            "tokens need all of ECHOTUNE_JWT_ISSUER, ECHOTUNE_JWT_AUDIENCE, which they must be for,"
            " and ECHOTUNE_JWT_KEYS, where the issuer's keys are read"
        )
    wanted = [one.strip() for one in settings.jwt_algorithms.split(",")]
    algorithms = tuple(one for one in ALGORITHMS if one in wanted)
    if not algorithms or len(algorithms) != len(wanted):
        raise Invalid(f"ECHOTUNE_JWT_ALGORITHMS: some of {', '.join(get_args(Algorithm))}")
    issuer = Issuer(
        name=settings.jwt_issuer,
        audience=settings.jwt_audience,
        algorithms=algorithms,
        life_s=settings.jwt_life_s,
        types=settings.jwt_types,
        user_claim=settings.jwt_user_claim,
    )
    return Tokens(issuer, IssuerKeys(reader(settings.jwt_keys), algorithms))
