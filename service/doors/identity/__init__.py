"""Which track somebody means: by id where they say one, by name where they do not."""

from service.doors.identity.claim import Claim
from service.doors.identity.resolver import Resolver
from service.doors.identity.review import Review

__all__ = ["Claim", "Resolver", "Review"]
