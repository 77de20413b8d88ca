"""Learns while this process holds the lease, and otherwise serves what the holder has learned."""

import asyncio
import time
from contextlib import suppress

import anyio.to_thread
import structlog

from service import metrics
from service.bus import Stream
from service.bus.lease import Lease
from service.bus.patches import Patch, Patches
from service.errors import Unavailable
from service.learn.changes import apply, from_bytes
from service.learn.online import Learner, Lost
from service.learn.snapshot import Snapshots
from service.model.current import Current
from service.store import Store

log = structlog.get_logger()

AGAIN_S = 1.0


class Following:
    """One task of this process: it never leads unless it may; `patches` None: nobody to follow."""

    def __init__(
        self,
        current: Current,
        lease: Lease,
        *,
        learner: Learner | None = None,
        patches: Patches | None,
        ask_every_s: float = AGAIN_S,
    ) -> None:
        self._current, self._lease, self._learner = current, lease, learner
        self._patches, self._every_s = patches, ask_every_s
        self._last: Patch | None = None  # that was applied; None: the base has to be loaded
        self._version: str | None = None  # of the model it was applied to
        self._task: asyncio.Task[None] | None = None

    def may_lead(
        self, store: Store, stream: Stream, snapshots: Snapshots, *, outlives: bool
    ) -> None:
        """From now on this process is one of those that learn; see `Learner`."""
        self._learner = Learner(
            store,
            stream,
            self._current,
            snapshots,
            self._lease,
            patches=self._patches,
            outlives=outlives,
        )

    def watch(self) -> None:
        """Lead or follow from now on."""
        self._task = asyncio.create_task(self._run())

    def look(self) -> None:
        """Another process has written to the store."""
        if self._learner is not None:
            self._learner.look()

    async def close(self) -> None:
        """Stop; what was learned is saved and the lease let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lease.close()
        if self._patches is not None:
            await self._patches.close()

    async def follow(self, for_s: float) -> None:
        """Serve what comes for so long.

        Raises:
            BusUnavailable
        """
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            if self._patches is None:
                await asyncio.sleep(left)
                return
            model = self._current.model.version if self._current.model else None
            if self._last is None or model != self._version:
                await self._load(self._patches)
                self._version = model
            last = self._last or Patch(0, 0, b"")
            for patch in await self._patches.after(last.term, last.number, wait_s=left):
                if not await self._apply(patch):
                    metrics.PATCHES.labels("reloaded").inc()
                    self._last = None
                    break

    async def _load(self, patches: Patches) -> None:
        base = await patches.base()
        if base is not None:
            await anyio.to_thread.run_sync(lambda: apply(from_bytes(base.body), self._current))
        self._last = base

    async def _apply(self, patch: Patch) -> bool:
        """False when something before it is missing, or when it is none."""
        try:
            change = from_bytes(patch.body)
        except ValueError:
            return False
        if not change.whole and (self._last is None or not patch.follows(self._last)):
            return False
        await anyio.to_thread.run_sync(apply, change, self._current)
        metrics.PATCHES.labels("applied").inc()
        self._last = patch
        return True

    async def _run(self) -> None:
        while True:
            try:
                if not await self._led():
                    await self.follow(self._every_s)
            except Unavailable as error:
                log.warning("nothing new is served", reason=str(error))
                await asyncio.sleep(AGAIN_S)
            except Exception:  # whoever stops here silently would serve old figures for ever
                log.exception("nothing new is served")
                await asyncio.sleep(AGAIN_S)

    async def _led(self) -> bool:
        """Whether this process held the lease for a while."""
        if self._learner is None:
            return False
        term = await self._lease.acquire(above=self._learner.last_term())
        if term is None:
            return False
        self._last = None
        try:
            await self._learner.lead(term)
        except Lost:
            log.warning("another process learns on", term=term)
        finally:
            with suppress(Unavailable):
                await self._lease.release()
        return True
