"""The traces of this process, as long as it lives."""

from collections import deque
from itertools import islice

from service.bus.facts import Trace

MOST_KEPT = 10_000
"""3 MB."""


class MemoryTraces:
    """Keeps the newest; the oldest make room."""

    def __init__(self, *, most: int = MOST_KEPT) -> None:
        self._kept: deque[Trace] = deque(maxlen=most)

    def tell(self, *traces: Trace) -> None:
        self._kept.extend(traces)

    async def newest(self, *, limit: int = 100) -> list[Trace]:
        return list(islice(reversed(self._kept), limit))

    async def close(self) -> None:
        pass
