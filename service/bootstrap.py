"""Opens and closes a house: what reaches outside is let go of in order, losing nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.adapters import (
    open_budget,
    open_cache,
    open_jobs,
    open_lease,
    open_patches,
    open_store,
    open_stream,
    open_traces,
)
from service.building import build
from service.house import Clock, House, now_utc
from service.learn.updates import Updates
from service.settings import Settings


@asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    watch: bool = False,
    work: bool = False,
    lead: bool = False,
    clock: Clock = now_utc,
) -> AsyncIterator[House]:
    """A loaded house, closed losing nothing.

    It may `watch` the store and what is learned, `work` on jobs and `lead`, which is to learn.
    """
    store, updates = await open_store(settings), Updates()
    try:
        async with (
            open_cache(settings, updates, watch=watch) as cache,
            open_budget(settings) as budget,
        ):
            house = build(
                settings,
                store,
                cache,
                open_jobs(settings),
                open_stream(settings),
                traces=open_traces(settings),
                updates=updates,
                lease=open_lease(settings),
                patches=open_patches(settings),
                budget=budget,
                lead=lead,
                clock=clock,
            )
            try:
                await house.refresh.load()
                await house.running.refresh()
                await house.gate.keyring.refresh()
                if watch:
                    house.refresh.watch()
                    house.following.watch()
                    house.audit.watch()
                    house.exposure.watch()
                    house.running.watch()
                    await house.gate.watch()
                    house.fallback.watch()
                    house.updates.watch(house.current)
                if work:
                    house.runner.start()
                    house.tending.start()
                yield house
            finally:
                await house.runner.close()
                await house.tending.close()
                await house.freshness.close()
                house.updates.close()
                await house.fallback.close()
                await house.exposure.close()
                await house.running.close()
                await house.gate.close()
                await house.audit.close()
                await house.following.close()
                await house.refresh.close()
                await house.reads.close()
                for peer in house.peers:
                    peer.close()
                await house.jobs.close()
                await house.traces.close()
                await house.stream.close()
    finally:
        await store.close()
