"""Where learning begins: with the newest whole snapshot, or with what the store can count."""

from datetime import datetime

import anyio.to_thread
import structlog

from service import metrics
from service.bus import ListenStored, Stream
from service.learn.batch import digest
from service.learn.learned import Learned
from service.learn.photograph import restored
from service.learn.snapshot import Snapshots
from service.model.catalogue import Catalogue
from service.model.trending import WINDOW
from service.store import Store

log = structlog.get_logger()

FEW = 500  # users at a time: decoding them takes 5 ms


async def loaded(snapshots: Snapshots, store: Store, *, recent: int) -> Learned | None:
    """The newest state that was saved whole, without users who were erased since."""
    found = await anyio.to_thread.run_sync(snapshots.load)
    if found is None:
        return None
    header, arrays = found
    try:
        learned = restored(
            arrays, header.about, place=header.place, mark=header.mark, recent=recent
        )
    except (KeyError, ValueError) as error:
        metrics.SNAPSHOTS_REFUSED.inc()
        log.warning("snapshot left out: it does not fit", reason=str(error))
        return None
    there: set[int] = set()
    async for batch in store.users(batch=FEW):  # requests come in between
        there.update(digest(user.id) for user in batch)
    await anyio.to_thread.run_sync(learned.keep_only, there)
    return learned


async def from_nothing(
    store: Store, stream: Stream, catalogue: Catalogue, now: datetime, *, recent: int
) -> Learned:
    """What trends is counted by the store; factors and prices are still to come, from a model.

    Whatever that count may have seen is noted, so that it does not count again.
    """
    learned = Learned(now, recent=recent)
    begun = await store.stored_mark()
    while entries := await stream.read(learned.place, limit=1_000):
        for entry in entries:
            if isinstance(entry.fact, ListenStored):
                learned.note(entry.fact.listens)
        learned.place = entries[-1].place
    plays, learned.mark = await store.plays_at_mark(now - WINDOW)
    rows = ((catalogue.row(track_id), at, count) for track_id, at, count in plays)
    learned.trending.add((row, at, count) for row, at, count in rows if row is not None)
    async for listens, _ in store.stored_since(begun, until=learned.mark):
        learned.note(listens)
    return learned
