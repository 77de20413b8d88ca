"""What access asks of other rooms."""

from typing import Protocol

from service.api_key import ApiKey


class KeySource(Protocol):
    """Where keys are kept: a store."""

    async def keys(self) -> list[ApiKey]:
        """All of them.

        Raises:
            StoreUnavailable
        """
        ...
