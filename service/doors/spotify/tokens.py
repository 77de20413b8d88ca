"""Client credentials for bearer tokens: signed, never stored, good for an hour."""

import binascii
import hmac
import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import blake2b, sha256
from pathlib import Path

from msgspec import Struct

from service.doors.spotify.refusals import GrantRefused, Refused
from service.errors import Invalid
from service.settings import Settings

LASTS_S = 3600
LONGEST = 1_000  # bytes of a header that are read
CLOSED = "this service has no credentials for this interface: set ECHOTUNE_SPOTIFY_CREDENTIALS"


class Token(Struct, frozen=True):
    """What the token endpoint answers."""

    access_token: str
    token_type: str
    expires_in: int


class Tokens:
    """Gives and checks tokens.

    Without credentials any pair and any token will do while only this machine can ask (`open`), and
    none otherwise. The key comes from the credentials: every process that has them reads the tokens
    of all others, and changed credentials end what was given before.
    """

    def __init__(
        self,
        credentials: Mapping[str, str],
        *,
        is_open: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials, self._open, self._clock = dict(credentials), is_open, clock
        written = "\n".join(f"{name}:{secret}" for name, secret in sorted(credentials.items()))
        self._key = blake2b(written.encode(), digest_size=32, person=b"echotune-spotify").digest()

    def grant(self, authorization: str, grant_type: str) -> Token:
        """A token for `Basic` credentials.

        Raises:
            GrantRefused: wrong credentials, or another flow.
        """
        name, secret = _pair(authorization)
        if self._credentials:
            known = self._credentials.get(name, "")
            same = hmac.compare_digest(known.encode(), secret.encode())
            if not known or not same:
                raise GrantRefused("invalid_client", "Invalid client")
        elif not self._open:
            raise GrantRefused("invalid_client", CLOSED)
        if grant_type != "client_credentials":
            raise GrantRefused("unsupported_grant_type", "grant_type must be client_credentials")
        until = f"{int(self._clock()) + LASTS_S}".encode()
        signed = urlsafe_b64encode(until + self._sign(until)).decode()
        return Token(signed.rstrip("="), "Bearer", LASTS_S)

    def check(self, authorization: str) -> None:
        """Let a request with a good `Bearer` token pass.

        Raises:
            Refused: 401 with Spotify's words.
        """
        scheme, _, token = authorization[:LONGEST].partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused(401, "No token provided")
        if not self._credentials:
            if not self._open:
                raise Refused(401, CLOSED)
            return
        if self._until(token.strip()) <= self._clock():
            raise Refused(401, "The access token expired")

    def _until(self, token: str) -> float:
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (ValueError, binascii.Error):
            raise Refused(401, "Invalid access token") from None
        until, signature = raw[: -sha256().digest_size], raw[-sha256().digest_size :]
        if not hmac.compare_digest(self._sign(until), signature) or not until.isdigit():
            raise Refused(401, "Invalid access token")
        return float(until)

    def _sign(self, until: bytes) -> bytes:
        return hmac.new(self._key, until, sha256).digest()


def tokens_of(settings: Settings) -> Tokens:
    """What the settings say.

    Raises:
        Invalid: the file of credentials cannot be read, or a line is not `id:secret`.
    """
    path = settings.spotify_credentials
    credentials = _read(Path(path)) if path else {}
    return Tokens(credentials, is_open=not path and settings.trusting)


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"ECHOTUNE_SPOTIFY_CREDENTIALS: cannot read {path}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, colon, secret = text.partition(":")
        if not (name and colon and secret):  # the line itself is a secret: never shown
            raise Invalid(f"{path} line {number} is not `client_id:client_secret`")
        found[name] = secret
    if not found:
        raise Invalid(f"{path} holds no `client_id:client_secret`")
    return found


def _pair(authorization: str) -> tuple[str, str]:
    scheme, _, text = authorization[:LONGEST].partition(" ")
    try:
        name, colon, secret = b64decode(text, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        name = colon = secret = ""
    if scheme.lower() != "basic" or not (name and colon):
        raise GrantRefused("invalid_client", "Invalid client")
    return name, secret
