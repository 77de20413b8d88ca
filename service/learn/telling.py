"""Brings what was learned into service: in this process, and in all others as numbered patches."""

import time

import anyio.to_thread

from service import metrics
from service.bus.patches import Patch, Patches
from service.learn.changes import Change, apply, change_of, to_bytes
from service.learn.learned import Learned
from service.model.current import Current

PRICES_EVERY_S = 10.0
"""How often others are told: 4 bytes a track each time, and a step is small."""


class Telling:
    """Numbers the changes made under one term of the lease; `patches` None: nobody else listens."""

    def __init__(self, current: Current, patches: Patches | None) -> None:
        self._current, self._patches = current, patches
        self._term = self._number = 0
        self._priced = -PRICES_EVERY_S

    def begin(self, term: int) -> None:
        """Count from 1 again, under this term."""
        self._term, self._number = term, 0

    async def tell(self, learned: Learned, *, whole: bool) -> bool:
        """Serve what changed since the last time, or all; False: somebody else has the lease.

        Raises:
            BusUnavailable: others may not have heard, and are to be told all of it.
        """
        change = await anyio.to_thread.run_sync(self._changed, learned, whole)
        if change.nothing:
            return True
        await anyio.to_thread.run_sync(apply, change, self._current)
        if self._patches is None:
            return True
        self._number += 1
        patch = Patch(self._term, self._number, await anyio.to_thread.run_sync(to_bytes, change))
        if not await self._patches.publish(patch):
            metrics.PATCHES.labels("refused").inc()
            return False
        metrics.PATCHES.labels("published").inc()
        if whole:
            await self._patches.put_base(patch)
        return True

    async def put_base(self, learned: Learned) -> None:
        """Keep all of it, as of the last change that was told, for those who begin or missed one.

        Raises:
            BusUnavailable
        """
        if self._patches is not None:
            body = await anyio.to_thread.run_sync(
                lambda: to_bytes(change_of(learned, whole=True, factors=self._factors))
            )
            await self._patches.put_base(Patch(self._term, self._number, body))

    @property
    def _factors(self) -> bool:
        """Whether the blend asks for factors: nobody should be sent what has no say."""
        model = self._current.model
        return model is not None and bool(model.blend.online)

    def _changed(self, learned: Learned, whole: bool) -> Change:  # noqa: FBT001 - run_sync passes no names
        now = time.monotonic()
        prices = whole or self._patches is None or now - self._priced >= PRICES_EVERY_S
        if prices and (whole or learned.repriced):
            self._priced = now
        return change_of(learned, whole=whole, factors=self._factors, prices=prices)
