"""Who may come in, as this process knows it.

The keys are read every second, so a key that is revoked opens nothing anywhere two seconds later.
While the store does not answer, the keys of before hold: it would be needed to revoke one, too.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from time import time

from service.access.credential import LONGEST, Header, credential_in
from service.access.identity import Identity
from service.access.keys import known
from service.access.protocol import KeySource
from service.api_key import ApiKey
from service.watching import Watch

LOOK_EVERY_S = 1.0
MOST_SEEN = 10_000
"""Headers whose meaning is remembered: 2 µs each time are saved, and 64 spellings of Bearer are."""


class Keyring:
    """Identities by what a request says."""

    def __init__(self, source: KeySource, *, wall: Callable[[], float] = time) -> None:
        self._source, self._wall = source, wall
        self._keys: dict[str, ApiKey] = {}
        self._seen: dict[Header, Identity] = {}
        self._watch = Watch(self.refresh, "which keys there are")

    def identity(self, header: Header) -> Identity | None:
        """Who sends this header now; None: nobody who is let in."""
        identity = self._seen.get(header)
        if identity is None:
            identity = self._understood(header)
            if identity is None:
                return None
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen[header] = identity
        return identity if self._wall() < identity.until else None

    @property
    def empty(self) -> bool:
        """Whether there is no key with which anything could be done."""
        now = self._now()
        return not any(key.holds(now) for key in self._keys.values())

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """These are all there are."""
        by_id = {key.id: key for key in keys}
        if by_id != self._keys:
            self._keys, self._seen = by_id, {}

    async def refresh(self) -> None:
        """Read which keys there are.

        Raises:
            StoreUnavailable
        """
        self.replace(await self._source.keys())

    def watch(self) -> None:
        """Look every second which keys there are."""
        self._watch.start(LOOK_EVERY_S)

    async def close(self) -> None:
        """Stop looking."""
        await self._watch.close()

    def _understood(self, header: Header) -> Identity | None:
        token = credential_in(header)
        if token is None or len(token) > LONGEST:
            return None
        return known(self._keys, token, self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)
