"""The one that learns: of all processes the holder of the lease goes through every event, in order.

What it rests on (docs/adr/0021): the state and the place of the last event in it are one snapshot;
after a restart the newest whole one is loaded and the events after its place are applied again.
Listens that were published twice, or read from the store as well, are known by their digests. The
stream keeps events until a snapshot has passed them; a stream of this process alone ends with it,
and then the store's log is what is left. Both are read at start, the log once a minute besides.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import anyio.to_thread
import structlog

from service import metrics
from service.bus import (
    START,
    Entry,
    ExposureLogged,
    ListenStored,
    ModelPublished,
    Stream,
    UserUpdated,
)
from service.bus.lease import TTL_S, Lease
from service.bus.patches import Patches
from service.domain import Listen
from service.errors import Unavailable
from service.learn.allowance import Allowance
from service.learn.beginning import from_nothing, loaded
from service.learn.drift import Drift
from service.learn.indigestible import learned_from
from service.learn.knowing import know, tracks_of
from service.learn.learned import RECENT, Learned
from service.learn.photograph import taken
from service.learn.snapshot import SnapshotFailed, Snapshots
from service.learn.telling import Telling
from service.model.catalogue import Catalogue
from service.model.current import Current
from service.store import Store

log = structlog.get_logger()

READER = "learner"
SERVE_S = 1.0
SWEEP_S = 60.0
SAVE_S = 60.0
BASE_S = 60.0
RENEW_S = TTL_S / 4
PAUSE_S = 0.5
GATHER_S = 0.05
"""Between two readings that find little: a turn for each single listen took this process as much
time as storing it did."""
AT_ONCE = 2_000
"""Listens of one step: 20 ms during which this process's other work waits now and then."""


class Lost(Exception):
    """Somebody else holds the lease."""


class Learner:
    """Learns while it holds the lease."""

    def __init__(
        self,
        store: Store,
        stream: Stream,
        current: Current,
        snapshots: Snapshots,
        lease: Lease,
        *,
        patches: Patches | None = None,
        outlives: bool = True,
        recent: int = RECENT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`outlives`: the stream outlives this process; `patches` None: nobody follows."""
        self._store, self._stream, self._current = store, stream, current
        self._snapshots, self._lease, self._telling = snapshots, lease, Telling(current, patches)
        self._outlives, self._recent, self._clock = outlives, recent, clock
        self.learned = Learned(clock(), recent=1)  # the real one is 50 MB, for whoever leads
        self._drift, self._term, self._dirty = Drift(), 0, False
        self._again = False  # learning was stopped, and a model was activated since
        self._looked = asyncio.Event()  # somebody saw that another process has written

    async def lead(self, term: int) -> None:
        """Learn until the lease is lost or this is cancelled; then what was learned is saved.

        Raises:
            Lost
            Unavailable: the store or the stream does not answer.
        """
        metrics.LEARNER_LEADS.set(1)
        try:
            await self.begin(term)
            await self._run()
        except asyncio.CancelledError:
            with suppress(Unavailable):
                if await self._lease.renew():
                    await self.save()
            raise
        finally:
            self.learned = Learned(self._clock(), recent=1)  # whoever leads next loads its own
            metrics.LEARNER_LEADS.set(0)

    def look(self) -> None:
        """Another process may have stored what nobody told of, an import for one: read it soon."""
        self._looked.set()

    def last_term(self) -> int:
        """The term of the newest snapshot here."""
        return self._snapshots.last_term()

    async def begin(self, term: int = 1) -> None:
        """Load the newest snapshot, or start from the model, and catch up."""
        self._term, self._dirty = term, False
        self._telling.begin(term)
        await self._stream.keep_from(READER, START)  # from here on nothing is trimmed unread
        learned = await loaded(self._snapshots, self._store, recent=self._recent)
        if learned is None:
            self.learned = await from_nothing(
                self._store,
                self._stream,
                self._current.catalogue,
                self._clock(),
                recent=self._recent,
            )
        else:
            self.learned = learned
            metrics.LEARNING_STOPPED.set(learned.guard.stopped)
            await self._catch_up()
        if self.learned.version != self._version:
            await self._rebase()
        await self.serve(whole=True)
        self._dirty = True  # an earlier holder that still lives comes too late from here on
        await self.save()

    async def _run(self) -> None:
        every: dict[Callable[[], Awaitable[None]], float] = {
            self._renew: RENEW_S,
            self.serve: SERVE_S,
            self.sweep: SWEEP_S,
            self.save: SAVE_S,
            self.put_base: BASE_S,
        }
        due = {act: time.monotonic() + seconds for act, seconds in every.items()}
        limit = 100
        while True:
            try:
                wait_s = max(min(due.values()) - time.monotonic(), 0.001)
                entries = await self._stream.read(self.learned.place, limit=limit, wait_s=wait_s)
                if entries:
                    listens = await learned_from(self.hear, entries, self._stream, READER)
                    fewer = len(entries) < limit
                    limit = min(max(AT_ONCE * len(entries) // max(listens, 1), 4), 1_000)
                    if fewer:
                        await asyncio.sleep(GATHER_S)
                if self._again or self.learned.version != self._version:
                    await self._rebase()
                    await self.serve(whole=True)
                if self._looked.is_set():
                    self._looked.clear()
                    await self.sweep()
                for act, at in due.items():
                    if at <= time.monotonic():
                        await act()
                        due[act] = time.monotonic() + every[act]
            except Unavailable as error:
                log.warning("learning waits", reason=str(error))
                if time.monotonic() - due[self._renew] > TTL_S - RENEW_S:
                    raise Lost from error
                await asyncio.sleep(PAUSE_S)

    async def _renew(self) -> None:
        if not await self._lease.renew():
            raise Lost

    async def hear(self, entries: Sequence[Entry]) -> int:
        """Apply events in their order; how many listens that were."""
        await self._know(tracks_of(entries))  # reads: what fails does so before anything is done
        listens, count = list[Listen](), 0
        for entry in entries:
            fact = entry.fact
            if isinstance(fact, ListenStored):
                listens += fact.listens
            elif isinstance(fact, UserUpdated) and fact.rev is None:
                count += await self._apply(listens)
                listens = []
                await anyio.to_thread.run_sync(self.learned.forget, fact.user_id)
            elif isinstance(fact, ExposureLogged):
                await self._price(fact)
            elif isinstance(fact, ModelPublished):
                self._again = self._again or self.learned.guard.stopped
        count += await self._apply(listens)
        self.learned.place, self._dirty = entries[-1].place, True
        if not self._outlives:  # what is applied is in the store: nothing is lost with this process
            await self._stream.keep_from(READER, self.learned.place)
        return count

    async def sweep(self) -> None:
        """Read what was stored and never heard of: its publisher died, or was refused."""
        async for listens, mark in self._store.stored_since(self.learned.mark, batch=AT_ONCE):
            await self._know([one.track_id for one in listens])
            known = len(self.learned.recent)
            await self._apply(listens)
            self._dirty = self._dirty or len(self.learned.recent) != known
            self.learned.mark = mark

    async def save(self) -> None:
        """Write a snapshot and let go of the events that are in it; a failure is told and borne."""
        if not self._dirty:
            return
        learned, place, mark = self.learned, self.learned.place, self.learned.mark

        def work() -> None:
            self._snapshots.save(
                *taken(learned), term=self._term, place=place, mark=mark, alone=learned.forgot
            )

        try:
            await anyio.to_thread.run_sync(work)
        except SnapshotFailed as error:
            log.warning("not saved", reason=str(error))
            return
        self._dirty = learned.forgot = False
        if self._outlives:
            await self._stream.keep_from(READER, place)
        await self._stream.trim()

    @property
    def _version(self) -> str | None:
        return self._current.model.version if self._current.model else None

    async def _apply(self, listens: Sequence[Listen]) -> int:
        catalogue = self._current.catalogue
        for start in range(0, len(listens), AT_ONCE):
            await anyio.to_thread.run_sync(self._hear, listens[start : start + AT_ONCE], catalogue)
        return len(listens)

    def _hear(self, listens: Sequence[Listen], catalogue: Catalogue) -> None:
        played = self.learned.hear(listens, catalogue)
        self._drift.note(self._clock(), catalogue.features_by_row[played.rows], played.errors)

    async def _know(self, track_ids: Iterable[str]) -> None:
        await know(self._store, self._current, track_ids)

    async def _price(self, fact: ExposureLogged) -> None:
        model = self._current.model
        if model is None or model.version != self.learned.version:
            return
        catalogue = self._current.catalogue
        await anyio.to_thread.run_sync(self.learned.learn_prices, fact, catalogue, model)

    async def _catch_up(self) -> None:
        while entries := await self._stream.read(self.learned.place, limit=100):
            await learned_from(self.hear, entries, self._stream, READER)
        await self.sweep()

    async def _rebase(self) -> None:
        """Go on from the model that serves now, with what was stored since its fit began."""
        model = self._current.model
        await self.sweep()
        await anyio.to_thread.run_sync(self.learned.rebase, model)
        self._again, self._dirty = False, True
        if model is None:
            return
        self.learned.version = None  # until all is done: what is saved meanwhile begins again
        if model.learned_to:
            mark, allowance = self.learned.mark, Allowance()
            since = self._store.stored_since(model.learned_to, until=mark, batch=AT_ONCE)
            async for listens, _ in since:
                await self._know([one.track_id for one in listens])
                catalogue = self._current.catalogue
                await anyio.to_thread.run_sync(self.learned.relearn, listens, catalogue, allowance)
        self.learned.version = model.version

    async def serve(self, *, whole: bool = False) -> None:
        """Serve what changed, here and elsewhere; `whole`: all of it.

        Raises:
            Lost
            BusUnavailable
        """
        if not await self._telling.tell(self.learned, whole=whole):
            raise Lost

    async def put_base(self) -> None:
        """Tell what changed, and keep all of it for those who begin or missed something.

        Raises:
            Lost
            BusUnavailable
        """
        await self.serve()
        await self._telling.put_base(self.learned)
