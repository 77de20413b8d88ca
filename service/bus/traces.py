"""The port of what was asked and answered; tests/contracts/test_traces.py.

Traces are telemetry: the oldest go when there is no room, and whoever tells them never waits.
"""

from typing import Protocol, runtime_checkable

from service.bus.facts import Trace


@runtime_checkable  # Litestar checks what it injects
class Traces(Protocol):
    """The latest traces."""

    def tell(self, *traces: Trace) -> None:
        """Pass these on some time; never waits and never fails."""
        ...

    async def newest(self, *, limit: int = 100) -> list[Trace]:
        """The newest, newest first.

        Raises:
            BusUnavailable
        """
        ...

    async def close(self) -> None:
        """Pass on what was told, if that is possible at once."""
        ...
