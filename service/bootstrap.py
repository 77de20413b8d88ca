"""The one place that opens adapters, and `wire`: the event path in ten lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from service.bus import Bus, ListenStored, ModelPublished, TrackChanged, UserUpdated
from service.cache.clients import open_blocking_client, open_client
from service.cache.link import Link
from service.cache.redis import RedisShared
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.jobs import Jobs
from service.learn.accounts import Accounts
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.refresh import Refresh
from service.learn.satisfaction import Satisfaction
from service.learn.shelf import Shelf
from service.learn.trainer import Trainer
from service.model.current import Current
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
    cache: TwoLevel
    jobs: Jobs
    ingest: Ingest
    shelf: Shelf
    trainer: Trainer
    refresh: Refresh
    accounts: Accounts
    recommender: Recommender
    neighbourhood: Neighbourhood
    similar_tracks: SimilarTracks


async def open_store(settings: Settings) -> Store:
    """The store these settings name.

    Raises:
        StoreUnavailable: it cannot be opened.
    """
    return SqliteStore(settings.home / "echotune.db")


def build(settings: Settings, store: Store, cache: TwoLevel) -> House:
    """Put the parts together; nothing is read or started yet."""
    bus, current, jobs = Bus(), Current(), Jobs()
    trainer = Trainer(store, bus, current, settings.home / "models")
    satisfaction = Satisfaction(store)
    wire(bus, Invalidation(current, cache), satisfaction)
    return House(
        settings=settings,
        store=store,
        bus=bus,
        current=current,
        cache=cache,
        jobs=jobs,
        ingest=Ingest(store, bus, current.knows),
        shelf=Shelf(store, bus),
        trainer=trainer,
        refresh=Refresh(store, current, trainer, cache, satisfaction=satisfaction),
        accounts=Accounts(store, bus, current, jobs),
        recommender=Recommender(
            store,
            current,
            cache,
            timeout_s=settings.strategy_timeout_ms / 1000,
        ),
        neighbourhood=Neighbourhood(store, current),
        similar_tracks=SimilarTracks(store, current),
    )


def wire(bus: Bus, invalidation: Invalidation, satisfaction: Satisfaction) -> None:
    """Who hears what. A fact is published after it is durable; every subscriber works in memory."""
    bus.subscribe(TrackChanged, invalidation.on_track_changed)
    bus.subscribe(ListenStored, invalidation.on_listen_stored)
    bus.subscribe(ListenStored, satisfaction.on_listen_stored)
    bus.subscribe(ModelPublished, invalidation.on_model_published)
    bus.subscribe(UserUpdated, invalidation.on_user_updated)


@asynccontextmanager
async def open_cache(settings: Settings, *, watch: bool) -> AsyncIterator[TwoLevel]:
    """The cache these settings name; `watch`: hear what other processes change.

    Raises:
        Invalid: the URL of the shared level is none.
    """
    if settings.redis_url is None:
        cache = TwoLevel(settings.local_cache_bytes, Revs())
        try:
            yield cache
        finally:
            await cache.close()
        return
    client, listening = open_client(settings.redis_url), open_blocking_client(settings.redis_url)
    shared = RedisShared(client, budget_s=settings.redis_timeout_ms / 1000)
    cache = TwoLevel(settings.local_cache_bytes, Revs(), shared)
    link = Link(listening, cache, name=shared.name)
    try:
        if watch:
            link.open()
        yield cache
    finally:
        await link.close()
        await cache.close()
        await shared.close()
        await client.aclose()
        await listening.aclose()


@asynccontextmanager
async def open_house(settings: Settings, *, watch: bool = False) -> AsyncIterator[House]:
    """A loaded house; closed in the order that loses nothing."""
    store = await open_store(settings)
    try:
        async with open_cache(settings, watch=watch) as cache:
            house = build(settings, store, cache)
            try:
                await house.refresh.load()
                if watch:
                    house.refresh.watch()
                yield house
            finally:
                await house.refresh.close()
                await house.jobs.close()
    finally:
        await store.close()
