"""The one place that opens adapters, and `wire`: the event path in ten lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from service.bus import Bus, ListenStored, TrackChanged, UserUpdated
from service.cache.local import LocalCache
from service.cache.revs import Revs
from service.jobs import Jobs
from service.learn.accounts import Accounts
from service.learn.exposure import Exposure
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.prices import Target
from service.learn.refresh import Refresh
from service.learn.satisfaction import Satisfaction
from service.learn.shelf import Shelf
from service.learn.trainer import Trainer
from service.model.current import Current
from service.recommend.exposure import Shown
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender
from service.recommend.similar import SimilarTracks
from service.settings import Settings
from service.store import Store
from service.store.sqlite import SqliteStore


class House(Struct, frozen=True, kw_only=True):
    """Every part of one running process."""

    settings: Settings
    store: Store
    bus: Bus
    current: Current
    revs: Revs
    jobs: Jobs
    ingest: Ingest
    shelf: Shelf
    trainer: Trainer
    refresh: Refresh
    exposure: Exposure
    accounts: Accounts
    recommender: Recommender
    neighbourhood: Neighbourhood
    similar_tracks: SimilarTracks


async def open_store(settings: Settings) -> Store:
    """The store these settings name.

    Raises:
        StoreUnavailable: it cannot be opened.
    """
    if settings.mongo_url is not None:
        from motor.motor_asyncio import AsyncIOMotorClient  # or pymongo's AsyncMongoClient: ADR 4

        from service.store.mongo import open_mongo

        return await open_mongo(settings.mongo_url, AsyncIOMotorClient)
    return SqliteStore(settings.home / "echotune.db")


def build(settings: Settings, store: Store) -> House:
    """Put the parts together; nothing is read or started yet."""
    bus, current, revs, jobs, shown = Bus(), Current(), Revs(), Jobs(), Shown()
    target = Target(evenness=settings.exposure_evenness, new_artists=settings.new_artist_floor)
    weights = Path(settings.exposure_weights) if settings.exposure_weights else None
    trainer = Trainer(store, bus, current, settings.home / "models", target=target, weights=weights)
    satisfaction = Satisfaction(store)
    wire(bus, Invalidation(current, revs), satisfaction)
    return House(
        settings=settings,
        store=store,
        bus=bus,
        current=current,
        revs=revs,
        jobs=jobs,
        ingest=Ingest(store, bus, current.knows),
        shelf=Shelf(store, bus),
        trainer=trainer,
        refresh=Refresh(store, current, trainer, revs, satisfaction=satisfaction),
        exposure=Exposure(current, shown),
        accounts=Accounts(store, bus, current, jobs),
        recommender=Recommender(
            store,
            current,
            LocalCache(settings.local_cache_bytes),
            revs,
            timeout_s=settings.strategy_timeout_ms / 1000,
            balance=settings.balance,
            shown=shown,
        ),
        neighbourhood=Neighbourhood(store, current),
        similar_tracks=SimilarTracks(store, current),
    )


def wire(bus: Bus, invalidation: Invalidation, satisfaction: Satisfaction) -> None:
    """Who hears what. A fact is published after it is durable; every subscriber works in memory."""
    bus.subscribe(TrackChanged, invalidation.on_track_changed)
    bus.subscribe(ListenStored, invalidation.on_listen_stored)
    bus.subscribe(ListenStored, satisfaction.on_listen_stored)
    bus.subscribe(UserUpdated, invalidation.on_user_updated)


@asynccontextmanager
async def open_house(settings: Settings, *, watch: bool = False) -> AsyncIterator[House]:
    """A loaded house; closed in the order that loses nothing."""
    store = await open_store(settings)
    house = build(settings, store)
    try:
        await house.refresh.load()
        if watch:
            house.refresh.watch()
            house.exposure.watch()
        yield house
    finally:
        await house.exposure.close()
        await house.refresh.close()
        await house.jobs.close()
        await store.close()
