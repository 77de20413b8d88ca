"""What a caller may be allowed to do, and the keys that say so."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from service.domain import Name, UserId, Utc

Scope = Literal[
    "public",
    "recs:read",
    "strategies:ask",
    "profiles:ask",
    "events:write",
    "users:write",
    "tracks:write",
    "admin:models",
    "admin:jobs",
    "admin:events",
    "admin:experiments",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KeyId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{6,24}$(?!\n)")]
Amount = Annotated[float, Meta(ge=0, le=1e6)]


class ApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key as it is kept: whoever reads this cannot call with it."""

    id: KeyId
    digest: str  # SHA-256 of the secret, in hex: 256 random bits need no slow hash
    label: Name
    scopes: tuple[Scope, ...]
    user_id: UserId | None = None  # None: of any user
    per_s: Amount = 100.0  # requests; 0: no limit
    burst: Amount = 200.0
    created_at: Utc
    expires_at: Utc | None = None
    revoked_at: Utc | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it may be used then."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
