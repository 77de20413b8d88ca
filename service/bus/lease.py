"""The port of the lease that one of all processes holds; tests/contracts/test_lease.py.

Who holds it may still be slow, or frozen and woken later, and believe that they hold it. So each
time it changes hands its term grows, and whatever a holder writes carries the term: what comes with
an older one is refused where it arrives (fencing).
"""

from typing import Protocol

TTL_S = 10.0
"""A holder that says nothing for so long has lost it."""


class Lease(Protocol):
    """Adapters raise `BusUnavailable` and nothing else."""

    async def acquire(self, *, above: int = 0) -> int | None:
        """Take it for `TTL_S`; the term, greater than `above` and all before; None: it is held."""
        ...

    async def renew(self) -> bool:
        """Hold it for another `TTL_S`; False: it is lost."""
        ...

    async def release(self) -> None:
        """Let the next one have it; nothing happens when it is lost already."""
        ...

    async def close(self) -> None:
        """Let go of every resource, not of the lease."""
        ...


class MemoryLease:
    """For one process alone: nobody else could hold it."""

    def __init__(self) -> None:
        self._term = 0
        self._held = False

    async def acquire(self, *, above: int = 0) -> int | None:
        if self._held:
            return None
        self._term, self._held = max(self._term, above) + 1, True
        return self._term

    async def renew(self) -> bool:
        return self._held

    async def release(self) -> None:
        self._held = False

    async def close(self) -> None:
        pass
