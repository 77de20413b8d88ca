"""All that the door asks."""

from typing import TYPE_CHECKING

from msgspec import Struct

from service.access.audit import Audit
from service.access.keyring import Keyring
from service.access.limits import KeyLimits
from service.access.strangers import Strangers

if TYPE_CHECKING:
    from service.access.tokens import Tokens


class Gate(Struct, frozen=True, kw_only=True):
    """Who may come, how often, and where it is written down."""

    keyring: Keyring
    tokens: "Tokens | None" = None  # where no issuer is named nothing of PyJWT is loaded
    limits: KeyLimits
    strangers: Strangers
    audit: Audit

    async def watch(self) -> None:
        """Have whom to let in read again and again from now on."""
        self.keyring.watch()
        if self.tokens is not None:
            await self.tokens.keys.look()
            self.tokens.keys.watch()

    async def close(self) -> None:
        """Stop looking for keys; all that was noted is on disk."""
        await self.keyring.close()
        if self.tokens is not None:
            await self.tokens.close()
        await self.audit.close()
