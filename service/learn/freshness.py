"""How long it takes from an event to a list that follows it, measured from outside, all the time.

A probe user skips the first track of their list and asks until they get another list without it,
by the same way in and out as everybody. They are nobody: no client can have their id, nothing they
do is played, liked or rated at a time, so it trends nowhere and is no figure, and what reads
everybody's listens leaves theirs out. All processes share the one probe.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

import numpy as np
import structlog

from service import metrics
from service.domain import PROBES, Listen
from service.errors import Unavailable
from service.learn.accounts import Accounts
from service.learn.ingest import Ingest
from service.model.current import Current
from service.recommend.ask import Ask
from service.recommend.recommender import Recommender

log = structlog.get_logger()

PROBE = f"{PROBES}probe"
ASK = Ask(mix="discover")  # nothing that was heard comes back
WITHIN_S = 10.0
AGAIN_S = 0.002
"""Between two looks: what is measured is never better than that."""
SEEDS, FEWEST = 3, 5
MOST_SKIPS = 400
"""Then the probe begins anew, since 500 listens are all that is looked at: its taste would be lost.
Seldom: an erased user has no rev that could be told, so other processes forget what they keep."""


class Freshness:
    """The probe of this process."""

    def __init__(
        self,
        ingest: Ingest,
        accounts: Accounts,
        recommender: Recommender,
        current: Current,
        *,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ingest, self._accounts, self._recommender = ingest, accounts, recommender
        self._current, self._every_s, self._clock, self._sleep = current, every_s, clock, sleep
        self._skips = MOST_SKIPS  # whatever an earlier life has left is erased
        self._probing: asyncio.Task[None] | None = None

    async def probe(self) -> float | None:
        """Skip once; the seconds until a list followed. None: none did, or there is no list yet.

        Raises:
            Unavailable: the skip could not be stored.
        """
        if self._skips >= MOST_SKIPS:
            if await self._accounts.rev(PROBE):
                await self._accounts.erase_now(PROBE)
            self._skips = 0
        if not await self._accounts.rev(PROBE):
            await self._seed()
        tracks, tag = await self._list()
        if len(tracks) < FEWEST:
            self._skips = MOST_SKIPS if self._skips else 0  # a catalogue so small is no reason
            return None
        skip = Listen(
            user_id=PROBE, track_id=tracks[0], action="skip", id=secrets.token_hex(8), source=PROBE
        )
        start = self._clock()
        await self._ingest.take([skip])
        self._skips += 1
        while (spent := self._clock() - start) < WITHIN_S:
            now, other = await self._list()
            if other != tag and tracks[0] not in now:
                spent = self._clock() - start
                metrics.EVENT_TO_EFFECT_SECONDS.observe(spent)
                metrics.FRESHNESS_PROBES.labels("followed").inc()
                return spent
            await self._sleep(AGAIN_S)
        if await self._kept(skip):  # else another process has begun anew meanwhile
            metrics.FRESHNESS_PROBES.labels("late").inc()
            log.warning("a list did not follow a skip", seconds=WITHIN_S)
        return None

    def watch(self) -> None:
        """Probe every so many seconds from now on, unless the settings say never."""
        if self._every_s:
            self._probing = asyncio.create_task(self._probe_always())

    async def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _probe_always(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.probe()
            except Unavailable as error:
                metrics.FRESHNESS_PROBES.labels("failed").inc()
                log.warning("could not probe", reason=str(error))
            except Exception:  # a probe that ends silently would look like one that is content
                metrics.FRESHNESS_PROBES.labels("failed").inc()
                log.exception("could not probe")

    async def _list(self) -> tuple[list[str], str]:
        answer, _ = await self._recommender.for_user(PROBE, ASK)
        briefs = self._current.catalogue.briefs
        return [briefs[row].id for row in np.frombuffer(answer.rows, np.int32)], answer.tag

    async def _seed(self) -> None:
        """Make a user who likes the first few tracks of what everybody gets, at no time."""
        tracks, _ = await self._list()
        seeds = [
            Listen(
                user_id=PROBE, track_id=track, id=secrets.token_hex(8), timed=False, source=PROBE
            )
            for track in tracks[:SEEDS]
        ]
        await self._ingest.take(seeds)

    async def _kept(self, skip: Listen) -> bool:
        found, _ = await self._accounts.listens(PROBE, MOST_SKIPS, None)
        return any(one.id == skip.id for one in found)
