"""One list as it is sent."""

from datetime import datetime
from hashlib import blake2b

from msgspec import Struct

from service.base62 import base62
from service.bus import Outcome
from service.domain import Recommendation, Tier


class Page(Struct, frozen=True):
    """The answer of GET /v1/users/{id}/recommendations; best first."""

    user_id: str
    list_id: str
    tier: Tier
    generated_at: datetime
    model_version: str
    variants: dict[str, str]
    strategies: dict[str, Outcome]
    recommendations: list[Recommendation]


def list_id(user_id: str, now: datetime, recommendations: list[Recommendation]) -> str:
    """Base62 of blake2b-64 over user, moment and track ids."""
    parts = [user_id, now.isoformat(), *(one.track.id for one in recommendations)]
    return base62(blake2b("\0".join(parts).encode(), digest_size=8).digest())
