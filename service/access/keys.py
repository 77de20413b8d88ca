"""Making keys, and knowing them again.

A key is `et_<id>_<secret>`: the prefix is for whoever scans repositories for secrets, the id finds
what is kept, and of the secret, 256 random bits, only SHA-256 is.
"""

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

import msgspec

from service.access.identity import Identity, identity_of
from service.api_key import ApiKey, Scope
from service.base62 import base62
from service.domain import EPOCH
from service.errors import Invalid

TOKEN = re.compile(r"et_([0-9A-Za-z]{6,24})_([0-9A-Za-z]{40,64})", re.ASCII)
FIRST_KEY = 'make one: echotune keys create "my first key"'
ID_BYTES, SECRET_BYTES = 9, 32
NOBODY = ApiKey(id="nobody", digest="0" * 64, label="nobody", scopes=(), created_at=EPOCH)
"""Compared where the id is unknown, so that it takes as long as where it is."""


def make_key(
    label: str,
    scopes: tuple[Scope, ...],
    *,
    now: datetime,
    user_id: str | None = None,
    per_s: float = 100.0,
    burst: float = 200.0,
    expires_at: datetime | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[ApiKey, str]:
    """A new key to keep, and what its owner sends; that is known to nobody afterwards.

    Raises:
        Invalid: a part of it cannot be.
    """
    secret = base62(random(SECRET_BYTES))
    parts = {
        "id": base62(random(ID_BYTES)),
        "digest": digest(secret),
        "label": label,
        "scopes": scopes,
        "user_id": user_id,
        "per_s": per_s,
        "burst": burst,
        "created_at": now,
        "expires_at": expires_at,
    }
    try:
        key = msgspec.convert(parts, ApiKey)
    except msgspec.ValidationError as error:
        raise Invalid(f"a key like that cannot be: {error}") from error
    return key, f"et_{key.id}_{secret}"


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


def known(keys: dict[str, ApiKey], token: str, now: datetime) -> Identity | None:
    """Whose key it is; None: of nobody, or it is over. Both take the same time."""
    parts = TOKEN.fullmatch(token)
    if parts is None:
        return None
    key = keys.get(parts[1], NOBODY)
    same = compare_digest(digest(parts[2]), key.digest)
    return identity_of(key) if same and key is not NOBODY and key.holds(now) else None
