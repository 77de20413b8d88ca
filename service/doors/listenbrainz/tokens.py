"""Who a token is. Only digests are kept, made with a key that this process alone has."""

import secrets
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path

import msgspec

from service.domain import UserId
from service.errors import Invalid
from service.settings import Settings

SHORTEST = 16
"""Characters of a token: `python -c "import secrets; print(secrets.token_urlsafe(24))"` has 32."""


class Tokens:
    """Tokens and whose they are.

    Without a file nobody has one, unless the server answers this machine alone: then a token is the
    name of its user, as everything else on such a server is open to whoever sits at the machine.
    """

    def __init__(self, users: dict[str, str] | None, *, alone: bool = False) -> None:
        self._key, self.named = secrets.token_bytes(32), users is not None
        self._alone = alone and users is None
        self._users = {self._digest(token): user for token, user in (users or {}).items()}

    def user(self, token: str) -> str | None:
        """Whose token it is; every digest is compared, however early one agrees."""
        if self._alone:
            try:
                return msgspec.convert(token, UserId)
            except msgspec.ValidationError:
                return None
        asked, found = self._digest(token), None
        for digest, user in self._users.items():
            if compare_digest(digest, asked):
                found = user
        return found

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode("utf-8", "surrogateescape"), key=self._key).digest()


def tokens_of(settings: Settings) -> Tokens:
    """What the settings say.

    Raises:
        Invalid: as `read_users`.
    """
    path = settings.listenbrainz_tokens
    return Tokens(None if path is None else read_users(path), alone=settings.trusting)


def read_users(path: str) -> dict[str, str]:
    """The users of a JSON file `{"token": "user"}`, by token.

    Raises:
        Invalid: the file is not there or not that; it is never quoted.
    """
    try:
        users = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, UserId])
    except OSError as error:
        raise Invalid(f"ECHOTUNE_LISTENBRAINZ_TOKENS: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(
            'ECHOTUNE_LISTENBRAINZ_TOKENS: the file must hold {"token": "user id", …}'
        ) from None  # the reason would quote what is secret
    if any(len(token) < SHORTEST or not token.isascii() or " " in token for token in users):
        raise Invalid(
            f"ECHOTUNE_LISTENBRAINZ_TOKENS: a token has {SHORTEST} characters or more, no spaces"
        )
    return users
