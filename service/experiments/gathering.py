"""From the store to sums: whoever was shown a list of an experiment, and what they did.

Nothing is counted as it happens. An experiment's sums are a function of the listens and the lists
that are stored, so they are the same after a crash, from any process, and whatever came late or
twice. Users are read in batches whose sums add up.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import anyio.to_thread
import numpy as np
from msgspec import Struct

from core.arrays import I64
from service.domain import Experiment, Listen, ShownList, milliseconds
from service.experiments.metrics import Tally, tally, together
from service.experiments.observed import observe
from service.experiments.report import Report, report
from service.model.catalogue import Catalogue
from service.store import Store

AT_ONCE = 500
READERS = 8
MOST_LISTENS = 5_000
"""Of one user, the newest: who has more is measured by those."""
MOST_CUTS = 30
DAY = timedelta(days=1)

Lists = dict[str, list[ShownList]]


class Gathered(Struct, frozen=True):
    """Sums up to each time, the last as of now, and per arm how often each track was shown."""

    cuts: list[tuple[datetime, Tally]]
    shown: list[I64]


async def look_at(
    store: Store, catalogue: Catalogue, experiment: Experiment, *, now: datetime
) -> Report:
    """The report of an experiment as of now.

    Raises:
        StoreUnavailable
    """
    found = await gather(store, catalogue, experiment, now=now)
    return report(experiment, found.cuts, found.shown, as_of=now)


async def gather(
    store: Store,
    catalogue: Catalogue,
    experiment: Experiment,
    *,
    now: datetime,
    times: Sequence[datetime] | None = None,
) -> Gathered:
    """Sums of every metric and arm: up to each of `times`, by default every day until now."""
    times = cut_times(experiment, now) if times is None else times
    names = [variant.name for variant in experiment.variants]
    empty = np.zeros((len(names), catalogue.size), np.int64)
    cuts: list[Tally] = []
    if experiment.starts is not None:
        async for lists in _users(store, experiment, until=times[-1]):
            listens = await _listens(store, lists)
            work = partial(_tallies, experiment, lists, listens, catalogue, times=times, now=now)
            found = await anyio.to_thread.run_sync(work)
            cuts = found if not cuts else [together(*two) for two in zip(cuts, found, strict=True)]
            _count_shown(empty, experiment, lists, catalogue)
    if not cuts:
        cuts = _tallies(experiment, {}, {}, catalogue, times=times, now=now)
    return Gathered(list(zip(times, cuts, strict=True)), list(empty))


def cut_times(experiment: Experiment, now: datetime) -> list[datetime]:
    """Every day since the start, at most thirty of them, and the end: now at the latest."""
    end = now if experiment.ends is None else min(now, experiment.ends)
    if experiment.starts is None or experiment.starts >= end:
        return [end]
    days = (end - experiment.starts) // DAY
    step = max(-(-days // MOST_CUTS), 1)
    cuts = [experiment.starts + DAY * day for day in range(step, days + 1, step)]
    return [*(cut for cut in cuts if cut < end), end]


async def _users(store: Store, experiment: Experiment, *, until: datetime) -> AsyncIterator[Lists]:
    """Users with their lists of the experiment, some hundred at a time, none of them cut."""
    held: Lists = {}
    assert experiment.starts is not None  # noqa: S101 - whoever calls has looked
    async for batch in store.shown(experiment.starts, until=until):
        for one in batch:
            if experiment.name not in one.variants:
                continue
            if one.user_id not in held and len(held) >= AT_ONCE:
                yield held
                held = {}
            held.setdefault(one.user_id, []).append(one)
    if held:
        yield held


async def _listens(store: Store, lists: Lists) -> dict[str, list[Listen]]:
    room = asyncio.Semaphore(READERS)

    async def read(user_id: str) -> tuple[str, list[Listen]]:
        async with room:
            return user_id, await store.recent(user_id, MOST_LISTENS)

    return dict(await asyncio.gather(*map(read, lists)))


def _tallies(
    experiment: Experiment,
    lists: Lists,
    listens: Mapping[str, Sequence[Listen]],
    catalogue: Catalogue,
    *,
    times: Sequence[datetime],
    now: datetime,
) -> list[Tally]:
    seen = observe(lists, listens, catalogue)
    places = {variant.name: place for place, variant in enumerate(experiment.variants)}
    arm = np.array([_arm(experiment, of, places) for of in lists.values()], np.int32)
    return [
        tally(seen, arm, len(places), until=milliseconds(at), now=milliseconds(now)) for at in times
    ]


def _arm(experiment: Experiment, lists: Sequence[ShownList], places: Mapping[str, int]) -> int:
    """Of the first list: whoever moved meanwhile counts where they began."""
    first = min(lists, key=lambda one: (one.at, one.list_id))
    return places.get(first.variants[experiment.name], -1)


def _count_shown(
    counts: np.ndarray, experiment: Experiment, lists: Lists, catalogue: Catalogue
) -> None:
    places = {variant.name: place for place, variant in enumerate(experiment.variants)}
    for of in lists.values():
        for one in of:
            place = places.get(one.variants[experiment.name])
            rows = [catalogue.row(track_id) for track_id in one.track_ids]
            if place is not None:
                np.add.at(counts[place], [row for row in rows if row is not None], 1)
