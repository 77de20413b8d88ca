"""The one place that opens adapters, and `wire`: the event path in ten lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from service.bus import Bus, ListenStored, ModelPublished, TrackChanged, UserUpdated
from service.cache.clients import open_blocking_client, open_client
from service.cache.link import Hearer, Link
from service.cache.local import OVERHEAD_BYTES
from service.cache.redis import RedisShared
from service.cache.rendered import Rendered
from service.cache.revs import MOST_USERS, Revs
from service.cache.two_level import TwoLevel
from service.errors import Invalid
from service.jobs import JobQueue
from service.jobs.memory import MemoryJobs
from service.jobs.runner import Handler, Runner, Scheduled
from service.learn.accounts import Accounts
from service.learn.cache_audit import CacheAudit
from service.learn.exposure import Exposure
from service.learn.freshness import Freshness
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.live_quality import LiveQuality
from service.learn.precompute import Precompute
from service.learn.prices import Target
from service.learn.profiles import Profiles
from service.learn.refresh import Refresh
from service.learn.satisfaction import Satisfaction
from service.learn.shelf import Shelf
from service.learn.trainer import Trainer
from service.learn.updates import Updates
from service.model.current import Current
from service.recommend.exposure import Shown
from service.recommend.fallback import Fallback
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender
from service.recommend.similar import SimilarTracks
from service.settings import Settings
from service.store import Store
from service.store.reads import Reads
from service.store.sqlite import SqliteStore

RENDERED_SHARE = 4
"""A compressed list of 20 tracks is a quarter of its JSON."""


class House(Struct, frozen=True, kw_only=True):
    """Every part of one running process."""

    settings: Settings
    store: Store
    bus: Bus
    current: Current
    cache: TwoLevel
    jobs: JobQueue
    runner: Runner
    ingest: Ingest
    shelf: Shelf
    trainer: Trainer
    refresh: Refresh
    audit: CacheAudit
    exposure: Exposure
    accounts: Accounts
    profiles: Profiles
    recommender: Recommender
    rendered: Rendered
    reads: Reads
    fallback: Fallback
    neighbourhood: Neighbourhood
    similar_tracks: SimilarTracks
    precompute: Precompute
    updates: Updates
    freshness: Freshness


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


def open_jobs(settings: Settings) -> JobQueue:
    """The queue these settings name; Redis is not asked before the first job.

    Raises:
        Invalid: the address is none.
    """
    if settings.events_redis_url is None:
        return MemoryJobs()
    from service.jobs.queues import QueuesJobs  # 0.2 s that embedded does without

    try:
        return QueuesJobs(settings.events_redis_url)
    except ValueError as error:
        raise Invalid(f"ECHOTUNE_EVENTS_REDIS_URL is no Redis address: {error}") from error


def build(
    settings: Settings, store: Store, cache: TwoLevel, jobs: JobQueue, updates: Updates
) -> House:
    """Put the parts together; nothing is read or started yet."""
    bus, current, shown = Bus(), Current(), Shown()
    target = Target(evenness=settings.exposure_evenness, new_artists=settings.new_artist_floor)
    weights = Path(settings.exposure_weights) if settings.exposure_weights else None
    trainer = Trainer(store, bus, current, settings.home / "models", target=target, weights=weights)
    satisfaction = Satisfaction(store)
    live = LiveQuality(current)
    wire(bus, Invalidation(current, cache), satisfaction, live, updates)
    accounts = Accounts(store, bus, current, jobs)
    reads = Reads(store, budget_s=settings.store_timeout_ms / 1000)
    fallback = Fallback(store, current)
    recommender = Recommender(
        store,
        current,
        cache,
        timeout_s=settings.strategy_timeout_ms / 1000,
        balance=settings.balance,
        shown=shown,
        reads=reads,
        fallback=fallback,
    )
    neighbourhood = Neighbourhood(store, current)
    precompute = Precompute(store, current, accounts, recommender, neighbourhood)
    ingest, every_s = Ingest(store, bus, current.knows), settings.probe_every_s
    return House(
        settings=settings,
        store=store,
        bus=bus,
        current=current,
        cache=cache,
        jobs=jobs,
        runner=Runner(jobs, handlers(trainer, accounts, precompute), schedule=schedule(settings)),
        ingest=ingest,
        shelf=Shelf(store, bus),
        trainer=trainer,
        refresh=Refresh(store, current, trainer, cache, satisfaction=satisfaction),
        audit=CacheAudit(store, cache, share=settings.audit_share),
        exposure=Exposure(current, shown, live),
        accounts=accounts,
        profiles=Profiles(accounts, current, cache),
        recommender=recommender,
        rendered=Rendered(settings.local_cache_bytes // RENDERED_SHARE),
        reads=reads,
        fallback=fallback,
        neighbourhood=neighbourhood,
        precompute=precompute,
        similar_tracks=SimilarTracks(store, current, cache),
        updates=updates,
        freshness=Freshness(ingest, accounts, recommender, current, every_s=every_s),
    )


def handlers(trainer: Trainer, accounts: Accounts, precompute: Precompute) -> dict[str, Handler]:
    """Who does what, by kind of job; each leaves the same state however often it runs."""
    return {
        "train": lambda _, progress: trainer.fit(progress),
        "erase": lambda arguments, _: accounts.erase_now(arguments["user_id"]),
        "precompute-user": lambda arguments, _: precompute.user(arguments["user_id"]),
        "precompute": lambda _, progress: precompute.lists(progress),
        "profiles": lambda _, progress: precompute.profiles(progress),
        "similarity": lambda _, progress: precompute.neighbours(progress),
    }


def schedule(settings: Settings) -> list[Scheduled]:
    """What comes up again by itself: as often as what it makes would go stale."""
    train = [Scheduled("train", timedelta(hours=settings.train_every_hours))]
    return [
        *(train if settings.train_every_hours else []),
        Scheduled("precompute", timedelta(minutes=15)),
        Scheduled("profiles", timedelta(hours=1)),
        Scheduled("similarity", timedelta(hours=6)),
    ]


def wire(
    bus: Bus,
    invalidation: Invalidation,
    satisfaction: Satisfaction,
    live: LiveQuality,
    updates: Updates,
) -> None:
    """Who hears what. A fact is published after it is durable; every subscriber works in memory."""
    bus.subscribe(TrackChanged, invalidation.on_track_changed)
    bus.subscribe(ListenStored, invalidation.on_listen_stored)
    bus.subscribe(ListenStored, satisfaction.on_listen_stored)
    bus.subscribe(ListenStored, live.on_listen_stored)
    bus.subscribe(ModelPublished, invalidation.on_model_published)
    bus.subscribe(UserUpdated, updates.before_user_updated)
    bus.subscribe(UserUpdated, invalidation.on_user_updated)
    bus.subscribe(UserUpdated, live.on_user_updated)
    bus.subscribe(UserUpdated, updates.on_user_updated)  # last: whoever is told asks at once


@asynccontextmanager
async def open_cache(settings: Settings, *hearers: Hearer, watch: bool) -> AsyncIterator[TwoLevel]:
    """The cache these settings name; `watch`: hear what other processes change, `hearers` too.

    Raises:
        Invalid: the URL of the shared level is none.
    """
    # Of more users than answers fit no rev is of use, and one takes half a kilobyte.
    revs = Revs(min(MOST_USERS, settings.local_cache_bytes // OVERHEAD_BYTES))
    if settings.redis_url is None:
        cache = TwoLevel(settings.local_cache_bytes, revs)
        try:
            yield cache
        finally:
            await cache.close()
        return
    client, listening = open_client(settings.redis_url), open_blocking_client(settings.redis_url)
    shared = RedisShared(client, budget_s=settings.redis_timeout_ms / 1000)
    cache = TwoLevel(settings.local_cache_bytes, revs, shared)
    link = Link(listening, cache, *hearers, name=shared.name)
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
async def open_house(
    settings: Settings, *, watch: bool = False, work: bool = False
) -> AsyncIterator[House]:
    """A loaded house that may `watch` the store and `work` on jobs; closed losing nothing."""
    store, updates = await open_store(settings), Updates()
    try:
        async with open_cache(settings, updates, watch=watch) as cache:
            house = build(settings, store, cache, open_jobs(settings), updates)
            try:
                await house.refresh.load()
                if watch:
                    house.refresh.watch()
                    house.audit.watch()
                    house.exposure.watch()
                    house.fallback.watch()
                    house.updates.watch(house.current)
                if work:
                    house.runner.start()
                yield house
            finally:
                await house.runner.close()
                await house.freshness.close()
                house.updates.close()
                await house.fallback.close()
                await house.exposure.close()
                await house.audit.close()
                await house.refresh.close()
                await house.reads.close()
                await house.jobs.close()
    finally:
        await store.close()
