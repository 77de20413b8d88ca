"""Profiles as they are sent: encoded once for each revision of a user, kept an hour (ADR 18).

Made here, or by a service of its own; while that does not answer they are made here (ADR 34).
"""

from contextlib import suppress
from functools import partial
from hashlib import blake2b
from time import monotonic

import msgspec

from service.base62 import base62
from service.cache.answer import Answer
from service.cache.keys import profile_key
from service.cache.two_level import TwoLevel
from service.errors import PeerUnavailable, UnknownUser
from service.learn.accounts import Accounts
from service.model.catalogue import Catalogue
from service.model.current import Current
from service.profile.profile import Profile
from service.profile.remote import RemoteProfiles

FRESH_S, STALE_S = 3600.0, 300.0


class Profiles:
    """Encoded profiles, never of an older rev than is known."""

    def __init__(
        self,
        accounts: Accounts,
        current: Current,
        cache: TwoLevel,
        *,
        remote: RemoteProfiles | None = None,
    ) -> None:
        self._accounts, self._current, self._cache = accounts, current, cache
        self._remote = remote
        self._encode = msgspec.json.Encoder().encode

    async def encoded(self, user_id: str) -> bytes:
        """The profile as JSON.

        Raises:
            UnknownUser, StoreUnavailable
        """
        catalogue = self._current.catalogue
        key = profile_key(user_id, catalogue.edition)
        served = await self._cache.get(user_id, key, partial(self._load, user_id, catalogue))
        if served is None:
            raise UnknownUser(f"there is no user {user_id!r}")
        return served[0].body

    async def _load(self, user_id: str, catalogue: Catalogue) -> Answer | None:
        begun = monotonic()
        profile = await self._made(user_id, catalogue)
        if profile is None:
            return None
        body, made = self._encode(profile), monotonic()
        return Answer(
            body=body,
            tag=base62(blake2b(body, digest_size=8).digest()),
            rev=profile.rev,
            made=made,
            cost_s=made - begun,
            fresh_s=FRESH_S,
            stale_s=STALE_S,
        )

    async def _made(self, user_id: str, catalogue: Catalogue) -> Profile | None:
        """None of somebody the store does not know."""
        if self._remote is not None:
            with suppress(PeerUnavailable):
                return await self._remote.profile(user_id, catalogue)
        try:
            return await self._accounts.profile(user_id, catalogue)
        except UnknownUser:
            return None
