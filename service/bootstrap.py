"""Puts the parts of a process together, and `wire`: the event path in ten lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from service.adapters import open_cache, open_jobs, open_store, open_stream, open_traces
from service.bus import (
    Bus,
    ListenStored,
    ModelPublished,
    Stream,
    Traces,
    TrackChanged,
    UserUpdated,
)
from service.bus.tending import Tending
from service.cache.rendered import Rendered
from service.cache.two_level import TwoLevel
from service.jobs import JobQueue
from service.jobs.runner import Handler, Runner, Scheduled
from service.learn.accounts import Accounts
from service.learn.cache_audit import CacheAudit
from service.learn.exposure import Exposure
from service.learn.exposure_log import ExposureLog
from service.learn.freshness import Freshness
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.limits import Limits
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

RENDERED_SHARE = 4
"""A compressed list of 20 tracks is a quarter of its JSON."""


class House(Struct, frozen=True, kw_only=True):
    """Every part of one running process."""

    settings: Settings
    store: Store
    bus: Bus
    stream: Stream
    traces: Traces
    tending: Tending
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


def build(
    settings: Settings,
    store: Store,
    cache: TwoLevel,
    jobs: JobQueue,
    stream: Stream,
    *,
    traces: Traces,
    updates: Updates,
) -> House:
    """Put the parts together; nothing is read or started yet."""
    bus, current, shown = Bus(stream), Current(), Shown()
    limits = Limits(
        user_per_minute=settings.user_listens_per_minute,
        source_per_minute=settings.source_listens_per_minute,
    )
    target = Target(evenness=settings.exposure_evenness, new_artists=settings.new_artist_floor)
    weights = Path(settings.exposure_weights) if settings.exposure_weights else None
    trainer = Trainer(
        *(store, bus, current, settings.home / "models"),
        target=target,
        weights=weights,
        cluster=settings.cluster_url,
    )
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
        traces=traces,
        reads=reads,
        fallback=fallback,
    )
    neighbourhood = Neighbourhood(store, current)
    precompute = Precompute(store, current, accounts, recommender, neighbourhood)
    ingest = Ingest(store, bus, current.knows, limits=limits)
    every_s = settings.probe_every_s
    return House(
        settings=settings,
        store=store,
        bus=bus,
        stream=stream,
        traces=traces,
        tending=Tending(stream),
        current=current,
        cache=cache,
        jobs=jobs,
        runner=Runner(jobs, handlers(trainer, accounts, precompute), schedule=schedule(settings)),
        ingest=ingest,
        shelf=Shelf(store, bus),
        trainer=trainer,
        refresh=Refresh(store, current, trainer, cache, satisfaction=satisfaction),
        audit=CacheAudit(store, cache, share=settings.audit_share),
        exposure=Exposure(current, shown, live, ExposureLog(current, stream)),
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
async def open_house(
    settings: Settings, *, watch: bool = False, work: bool = False
) -> AsyncIterator[House]:
    """A loaded house that may `watch` the store and `work` on jobs; closed losing nothing."""
    store, updates = await open_store(settings), Updates()
    try:
        async with open_cache(settings, updates, watch=watch) as cache:
            house = build(
                settings,
                store,
                cache,
                open_jobs(settings),
                open_stream(settings),
                traces=open_traces(settings),
                updates=updates,
            )
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
                    house.tending.start()
                yield house
            finally:
                await house.runner.close()
                await house.tending.close()
                await house.freshness.close()
                house.updates.close()
                await house.fallback.close()
                await house.exposure.close()
                await house.audit.close()
                await house.refresh.close()
                await house.reads.close()
                await house.jobs.close()
                await house.traces.close()
                await house.stream.close()
    finally:
        await store.close()
