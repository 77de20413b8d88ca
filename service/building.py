"""Puts the parts of a process together, and `wire`: the event path in ten lines."""

from pathlib import Path
from typing import TYPE_CHECKING

from service.access.audit import Audit
from service.access.gate import Gate
from service.access.keyring import Keyring
from service.access.limits import KeyLimits
from service.access.protocol import Budget
from service.access.strangers import Strangers
from service.bus import Bus, ListenStored, ModelPublished, Stream, Traces, TrackChanged, UserUpdated
from service.bus.lease import Lease
from service.bus.patches import Patches
from service.bus.tending import Tending
from service.cache.rendered import Rendered
from service.cache.two_level import TwoLevel
from service.doors.identity import Resolver
from service.doors.listenbrainz import Door, tokens_of
from service.doors.spotify.door import Spotify
from service.experiments.guard import guard
from service.experiments.reports import Reports
from service.experiments.running import Running
from service.house import Clock, House, now_utc
from service.jobs import JobQueue
from service.jobs.runner import Runner
from service.learn.accounts import Accounts
from service.learn.cache_audit import CacheAudit
from service.learn.duties import handlers, schedule
from service.learn.erasure import Erasure
from service.learn.exposure import Exposure
from service.learn.exposure_log import ExposureLog
from service.learn.following import Following
from service.learn.freshness import Freshness
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.limits import Limits
from service.learn.live_quality import LiveQuality
from service.learn.lookout import Lookout
from service.learn.precompute import Precompute
from service.learn.prices import Target
from service.learn.profiles import Profiles
from service.learn.refresh import Refresh
from service.learn.retention import Retention
from service.learn.satisfaction import Satisfaction
from service.learn.shelf import Shelf
from service.learn.snapshot import Snapshots
from service.learn.trainer import Trainer
from service.learn.trial_log import TrialLog
from service.learn.updates import Updates
from service.model.current import Current
from service.profile.remote import RemoteProfiles
from service.recommend.exposure import Shown
from service.recommend.fallback import Fallback
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender
from service.recommend.remote import services
from service.recommend.retrieval import STRATEGIES
from service.recommend.seeded import SeededLists
from service.recommend.similar import SimilarTracks
from service.recommend.strategist import Strategist
from service.settings import Settings
from service.store import Store
from service.store.reads import Reads

if TYPE_CHECKING:
    from service.access.tokens import Tokens

LEARNER_ASKS_EVERY_S, API_ASKS_EVERY_S = 1.0, 5.0
"""How often the lease is asked for: whoever only learns is faster than whoever also answers."""
RENDERED_SHARE = 4
"""A compressed list of 20 tracks is a quarter of its JSON."""


def build(
    settings: Settings,
    store: Store,
    cache: TwoLevel,
    jobs: JobQueue,
    stream: Stream,
    *,
    traces: Traces,
    updates: Updates,
    lease: Lease,
    patches: Patches | None,
    budget: Budget | None = None,
    lead: bool = False,
    clock: Clock = now_utc,
) -> House:
    """Put the parts together; nothing is read or started yet."""
    bus, current, shown = Bus(stream), Current(clock), Shown()
    running = Running(store, clock=clock)
    trials = TrialLog(current, store)
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
    live = LiveQuality(current, clock)
    wire(bus, Invalidation(current, cache), satisfaction, live, updates)
    for hears in (running.on_user_updated, trials.on_user_updated):
        bus.subscribe(UserUpdated, hears)
    accounts = Accounts(store, bus, current, jobs)
    erasure = Erasure(store, accounts, settings.home, clock)
    retention = Retention(store, bus, settings.keep_listens_days, clock)
    reads = Reads(store, budget_s=settings.store_timeout_ms / 1000)
    fallback = Fallback(store, current, clock=clock)
    timeout_s = settings.strategy_timeout_ms / 1000
    remote = services(settings.strategy_services, timeout_s=timeout_s, key=settings.strategy_key)
    remote_profiles = (
        RemoteProfiles(settings.profiles_service, timeout_s=timeout_s, key=settings.strategy_key)
        if settings.profiles_service
        else None
    )
    recommender = Recommender(
        store,
        current,
        cache,
        timeout_s=timeout_s,
        balance=settings.balance,
        shown=shown,
        strategies={**STRATEGIES, **remote},
        traces=traces,
        clock=clock,
        reads=reads,
        fallback=fallback,
        running=running,
    )
    neighbourhood = Neighbourhood(store, current)
    seeded = SeededLists(
        current,
        timeout_s=timeout_s,
        balance=settings.balance,
        strategies={**STRATEGIES, **remote},
    )
    every_s = LEARNER_ASKS_EVERY_S if settings.role == "learner" else API_ASKS_EVERY_S
    following = Following(current, lease, patches=patches, ask_every_s=every_s)
    if lead:
        saved, outlives = (
            Snapshots(settings.home / "learner"),
            settings.events_redis_url is not None,
        )
        following.may_lead(store, stream, saved, outlives=outlives)
    precompute = Precompute(store, current, accounts, recommender, neighbourhood)

    async def look_after() -> None:
        await guard(store, current.catalogue, now=clock())

    ingest = Ingest(store, bus, current.knows, clock, limits=limits)
    every_s, shelf = settings.probe_every_s, Shelf(store, bus)
    resolver = Resolver(store, shelf, lambda: current.catalogue)
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
        runner=Runner(
            jobs,
            handlers(trainer, erasure, retention, precompute, look_after),
            schedule=schedule(settings.train_every_hours),
        ),
        ingest=ingest,
        shelf=shelf,
        resolver=resolver,
        listenbrainz=Door(
            tokens=tokens_of(settings),
            store=store,
            ingest=ingest,
            resolver=resolver,
            current=current,
            recommender=recommender,
            neighbourhood=neighbourhood,
            accounts=accounts,
            clock=clock,
        ),
        trainer=trainer,
        refresh=Refresh(
            store,
            current,
            trainer,
            cache,
            satisfaction=satisfaction,
            news=following.look,
            clock=clock,
        ),
        following=following,
        audit=CacheAudit(store, cache, share=settings.audit_share),
        lookout=Lookout(store, current, live, clock=clock),
        exposure=Exposure(shown, live, ExposureLog(current, stream, clock=clock), trials),
        accounts=accounts,
        profiles=Profiles(accounts, current, cache, remote=remote_profiles),
        recommender=recommender,
        gate=Gate(
            keyring=Keyring(store),
            tokens=_tokens(settings),
            limits=KeyLimits(budget),
            strangers=Strangers(),
            audit=Audit(settings.home / "audit"),
        ),
        running=running,
        reports=Reports(store, current, clock=clock),
        strategist=Strategist(reads, current),
        peers=[*remote.values(), *([remote_profiles] if remote_profiles else [])],
        rendered=Rendered(settings.local_cache_bytes // RENDERED_SHARE),
        reads=reads,
        fallback=fallback,
        neighbourhood=neighbourhood,
        precompute=precompute,
        similar_tracks=SimilarTracks(store, current, cache),
        spotify=Spotify(store, current, seeded),
        updates=updates,
        freshness=Freshness(ingest, accounts, recommender, current, every_s=every_s),
    )


def _tokens(settings: Settings) -> "Tokens | None":
    said = settings.jwt_issuer or settings.jwt_audience or settings.jwt_keys
    if not (said and settings.guarded):
        return None
    from service.access.tokens import tokens_of  # 0.1 s that whoever has keys alone does without

    return tokens_of(settings)


def wire(
    bus: Bus,
    invalidation: Invalidation,
    satisfaction: Satisfaction,
    live: LiveQuality,
    updates: Updates,
) -> None:
    """Who hears what. A fact is published after it is durable; every subscriber works in memory."""
    bus.subscribe(TrackChanged, invalidation.on_track_changed)
    bus.subscribe(ListenStored, satisfaction.on_listen_stored)
    bus.subscribe(ListenStored, live.on_listen_stored)
    bus.subscribe(ModelPublished, invalidation.on_model_published)
    bus.subscribe(UserUpdated, updates.before_user_updated)
    bus.subscribe(UserUpdated, invalidation.on_user_updated)
    bus.subscribe(UserUpdated, live.on_user_updated)
    bus.subscribe(UserUpdated, updates.on_user_updated)  # last: whoever is told asks at once
