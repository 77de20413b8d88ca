"""Who calls: what a key or a token that holds comes down to."""

from collections.abc import Iterable
from math import inf

from msgspec import Struct

from service.access.gcra import Rate
from service.api_key import SCOPES, ApiKey
from service.errors import Forbidden


class Identity(Struct, frozen=True, kw_only=True):
    """Whoever it is, they may do this much."""

    name: str  # of the key, which is no secret
    scopes: frozenset[str]
    user_id: str | None = None  # None: of any user
    rate: Rate | None = None  # None: no limit
    until: float = inf  # Unix time

    def may(self, scope: str) -> bool:
        """Whether this may be done at all."""
        return scope in self.scopes or scope == "public"

    def check_user(self, user_ids: Iterable[str]) -> None:
        """Refuse what is of anybody else.

        Raises:
            Forbidden
        """
        if self.user_id is not None and any(one != self.user_id for one in user_ids):
            raise Forbidden("this key is of one user, and that is another")


EVERYBODY = Identity(name="", scopes=frozenset(SCOPES))
"""Where nobody is asked who they are."""


def identity_of(key: ApiKey) -> Identity:
    """What the key says."""
    return Identity(
        name=key.id,
        scopes=frozenset(key.scopes),
        user_id=key.user_id,
        rate=Rate(key.per_s, max(key.burst, 1.0)) if key.per_s else None,
        until=key.expires_at.timestamp() if key.expires_at else inf,
    )
