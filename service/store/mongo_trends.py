"""What goes to MongoDB to learn what many play now; built from typed values, as mongo_queries."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from service.domain import COUNTED, HEARD_MS, PROBES, SUPPORT
from service.store.mongo_documents import Document
from service.store.mongo_queries import Query
from service.store.protocol import HourlyPlays

TRIES = 3
PLAYED = ("play", "like", "save")


def plays(since: datetime) -> Query:
    """What may count for trends."""
    played = {
        "at": {"$gte": since},
        "timed": {"$in": [True, "clamped"]},
        "action": {"$in": list(PLAYED)},
    }
    return Query(collection="listens", index="counted_plays", filter=played, forced=True)


def plays_by_hour(since: datetime) -> list[Document]:
    """What users' plays of a day count, by track and the hour of the last of them."""
    day = {"$dateTrunc": {"date": "$at", "unit": "day"}}
    mine = {"track_id": "$track_id", "user_id": "$user_id", "day": day}
    hour = {"$dateTrunc": {"date": "$last", "unit": "hour"}}
    key = {"track_id": "$_id.track_id", "hour": hour}
    steps = [{"case": {"$gte": ["$plays", least]}, "then": count} for least, count in COUNTED]
    count = {"$sum": {"$switch": {"branches": steps, "default": 0}}}
    return [
        *_heard(since),
        {"$group": {"_id": mine, "plays": {"$sum": "$plays"}, "last": {"$max": "$at"}}},
        {"$group": {"_id": key, "plays": count}},
        {"$sort": {"_id.track_id": 1, "_id.hour": 1}},
    ]


def supported_tracks(since: datetime) -> list[Document]:
    """Documents whose `_id` is a track that enough users played."""
    return [
        *_heard(since),
        {"$group": {"_id": {"track_id": "$track_id", "user_id": "$user_id"}}},
        {"$group": {"_id": "$_id.track_id", "users": {"$sum": 1}}},
        {"$match": {"users": {"$gte": SUPPORT}}},
    ]


async def hourly_plays(
    aggregate: Callable[[Query, list[Document]], Awaitable[list[Document]]], since: datetime
) -> HourlyPlays:
    """(track id, hour, count) of the tracks that enough users played."""
    asked = plays(since)
    supported = {one["_id"] for one in await aggregate(asked, supported_tracks(since))}
    hours = await aggregate(asked, plays_by_hour(since))
    found = ((one["_id"], int(one["plays"])) for one in hours)
    return [(k["track_id"], k["hour"], count) for k, count in found if k["track_id"] in supported]


async def plays_at_mark(
    count: Callable[[datetime], Awaitable[HourlyPlays]],
    mark: Callable[[], Awaitable[str]],
    since: datetime,
) -> tuple[HourlyPlays, str]:
    """Both of one moment, if nothing was stored meanwhile in any of a few tries."""
    for _ in range(TRIES):
        before, found, after = await mark(), await count(since), await mark()
        if before == after:
            break
    return found, after


def _heard(since: datetime) -> list[Document]:
    """Nothing shorter than half a minute, and nothing of probes."""
    long = {"$gte": [{"$ifNull": ["$ms_played", HEARD_MS]}, HEARD_MS]}
    heard = {"$or": [{"$ne": ["$action", "play"]}, long]}
    somebody = {"$lt": ["$user_id", PROBES]}
    return [{"$match": plays(since).filter}, {"$match": {"$expr": {"$and": [heard, somebody]}}}]
