"""What access asks of other rooms and of Redis."""

from typing import Protocol

from service.access.gcra import Rate
from service.api_key import ApiKey


class KeySource(Protocol):
    """Where keys are kept: a store."""

    async def keys(self) -> list[ApiKey]:
        """All of them.

        Raises:
            StoreUnavailable
        """
        ...


class Budget(Protocol):
    """What all processes together may let in; adapters raise `BudgetUnavailable` only."""

    async def lease(self, name: str, wanted: float, rate: Rate) -> tuple[float, float]:
        """Take up to `wanted` requests out of the budget of a key, at least one or none.

        Returns:
            How many, which count as spent from now on; if none, the seconds until there is one.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class BudgetUnavailable(Exception):
    """The budget that all share did not answer; each process goes by its own."""
