"""The one place that opens adapters: which ones is a matter of the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from service.access.protocol import Budget
from service.access.redis import RedisBudget
from service.bus import Stream, Traces
from service.bus.lease import Lease, MemoryLease
from service.bus.memory import MemoryStream
from service.bus.memory_traces import MemoryTraces
from service.bus.patches import Patches
from service.cache.clients import BROKEN, open_blocking_client, open_client
from service.cache.link import Hearer, Link
from service.cache.local import OVERHEAD_BYTES
from service.cache.redis import RedisShared
from service.cache.revs import MOST_USERS, Revs
from service.cache.two_level import TwoLevel
from service.errors import Invalid
from service.jobs import JobQueue
from service.jobs.memory import MemoryJobs
from service.settings import Settings
from service.store import Store
from service.store.memory import MemoryStore
from service.store.sqlite import SqliteStore


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


def copy_store(settings: Settings, target: Path) -> None:
    """Copy the embedded store into the file `target`, of one moment, while others write.

    Raises:
        StoreUnavailable
    """
    from service.store.sqlite_backup import copy

    copy(settings.home / "echotune.db", target)


def open_scratch() -> Store:
    """A store in memory, gone when it is let go: for what is only tried."""
    return MemoryStore()


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


def open_stream(settings: Settings) -> Stream:
    """The event stream these settings name; Redis is not asked before the first event.

    Raises:
        Invalid: the address is none.
    """
    if settings.events_redis_url is None:
        return MemoryStream()
    from service.bus.redis_streams import RedisStream

    return RedisStream(settings.events_redis_url)


def open_traces(settings: Settings) -> Traces:
    """Where these settings want to have what was asked and answered.

    Raises:
        Invalid: the address is none.
    """
    if settings.events_redis_url is None:
        return MemoryTraces()
    from service.bus.redis_traces import RedisTraces

    return RedisTraces(settings.events_redis_url)


def open_lease(settings: Settings) -> Lease:
    """What decides which process learns.

    Raises:
        Invalid: the address is none.
    """
    if settings.events_redis_url is None:
        return MemoryLease()
    from service.bus.redis_lease import RedisLease

    return RedisLease(settings.events_redis_url)


def open_patches(settings: Settings) -> Patches | None:
    """Where what was learned goes to other processes; None: there are none.

    Raises:
        Invalid: the address is none.
    """
    if settings.events_redis_url is None:
        return None
    from service.bus.redis_patches import RedisPatches

    return RedisPatches(settings.events_redis_url)


@asynccontextmanager
async def open_budget(settings: Settings) -> AsyncIterator[Budget | None]:
    """What all processes share of every key's rate; None: this one is alone.

    Raises:
        Invalid: the address is none.
    """
    if settings.redis_url is None:
        yield None
        return
    client = open_client(settings.redis_url)
    budget = RedisBudget(client, budget_s=settings.redis_timeout_ms / 1000, broken=BROKEN)
    try:
        yield budget
    finally:
        await budget.close()
        await client.aclose()


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
