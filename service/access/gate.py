"""All that the door asks."""

from msgspec import Struct

from service.access.audit import Audit
from service.access.keyring import Keyring
from service.access.limits import KeyLimits


class Gate(Struct, frozen=True):
    """Who may come, how often, and where it is written down."""

    keyring: Keyring
    limits: KeyLimits
    audit: Audit

    async def close(self) -> None:
        """Stop looking for keys; all that was noted is on disk."""
        await self.keyring.close()
        await self.audit.close()
