"""Every part of one running process, by name."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from service.access.gate import Gate
from service.bus import Bus, Stream, Traces
from service.bus.tending import Tending
from service.cache.rendered import Rendered
from service.cache.two_level import TwoLevel
from service.doors.identity import Resolver
from service.doors.listenbrainz import Door
from service.doors.spotify.door import Spotify
from service.experiments.reports import Reports
from service.experiments.running import Running
from service.jobs import JobQueue
from service.jobs.runner import Runner
from service.learn.accounts import Accounts
from service.learn.cache_audit import CacheAudit
from service.learn.exposure import Exposure
from service.learn.following import Following
from service.learn.freshness import Freshness
from service.learn.ingest import Ingest
from service.learn.lookout import Lookout
from service.learn.precompute import Precompute
from service.learn.profiles import Profiles
from service.learn.refresh import Refresh
from service.learn.shelf import Shelf
from service.learn.trainer import Trainer
from service.learn.updates import Updates
from service.model.current import Current
from service.profile.remote import RemoteProfiles
from service.recommend.fallback import Fallback
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender
from service.recommend.remote import Remote
from service.recommend.similar import SimilarTracks
from service.recommend.strategist import Strategist
from service.settings import Settings
from service.store import Store
from service.store.reads import Reads

Clock = Callable[[], datetime]


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


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
    resolver: Resolver
    listenbrainz: Door
    trainer: Trainer
    refresh: Refresh
    following: Following
    audit: CacheAudit
    exposure: Exposure
    lookout: Lookout
    accounts: Accounts
    profiles: Profiles
    recommender: Recommender
    gate: Gate
    running: Running
    reports: Reports
    strategist: Strategist
    peers: list[Remote | RemoteProfiles]
    rendered: Rendered
    reads: Reads
    fallback: Fallback
    neighbourhood: Neighbourhood
    similar_tracks: SimilarTracks
    spotify: Spotify
    precompute: Precompute
    updates: Updates
    freshness: Freshness
