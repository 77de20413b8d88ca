"""Every filter, update and pipeline that goes to MongoDB, built from typed values.

A test (tests/repo/test_queries.py) holds that nothing else builds one: what a client sends can be a
value in a filter, never an operator.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct

from service.store.mongo_documents import Document, listen_key

BUCKET = "models"


class Query(Struct, frozen=True, kw_only=True):
    """One read and the index that answers it; `forced` where a planner may think otherwise."""

    collection: str
    index: str
    filter: Document
    sort: tuple[tuple[str, int], ...] = ()
    limit: int = 0  # 0: no limit; a caller who wants nothing does not ask
    fields: tuple[str, ...] = ()  # all of them when empty
    forced: bool = False

    @property
    def hint(self) -> str | None:
        """The index as the driver wants it, or nothing."""
        return self.index if self.forced else None

    @property
    def projection(self) -> Document | None:
        """The fields to send; `_id` only if it is one of them."""
        return {"_id": 0} | dict.fromkeys(self.fields, 1) if self.fields else None


def newest_listens(
    user_id: str, limit: int, before: tuple[datetime, str] | None, fields: tuple[str, ...]
) -> Query:
    """Newest first by (at, id), strictly before that place."""
    older: Document = {}
    if before is not None:
        at, listen_id = before
        same = {"at": at, "id": {"$lt": listen_id}}
        older = {"at": {"$lte": at}, "$or": [{"at": {"$lt": at}}, same]}
    return Query(
        collection="listens",
        index="newest",
        filter={"user_id": user_id, **older},
        sort=(("at", -1), ("id", -1)),
        limit=limit,
        fields=fields,
        forced=before is not None,
    )


def every_listen(fields: tuple[str, ...]) -> Query:
    """User by user, oldest first: the index `newest` from its end."""
    order = (("user_id", 1), ("at", 1), ("id", 1))
    return Query(collection="listens", index="newest", filter={}, sort=order, fields=fields)


def stored_listens(keys: Sequence[tuple[str, str]]) -> Query:
    """Which of these (user id, listen id) are there."""
    found = {"_id": {"$in": [listen_key(*key) for key in keys]}}
    return Query(collection="listens", index="_id_", filter=found, fields=("_id",))


def ratings(since: datetime) -> Query:
    """Ratings given since then."""
    given = {"at": {"$gte": since}, "rating": {"$gt": 0}}
    return Query(
        collection="listens", index="ratings", filter=given, fields=("rating",), forced=True
    )


def mean_of_ratings(since: datetime) -> list[Document]:
    """One document with `mean`, or none."""
    return [
        {"$match": ratings(since).filter},
        {"$group": {"_id": None, "mean": {"$avg": "$rating"}}},
    ]


def listens_of(user_id: str) -> Query:
    """All of one user's listens, to erase."""
    return Query(collection="listens", index="newest", filter={"user_id": user_id})


def listens_before(user_id: str, at: datetime) -> Query:
    """One user's listens from before, as far as their time is known."""
    old = {"user_id": user_id, "at": {"$lt": at}, "timed": {"$ne": False}}
    return Query(collection="listens", index="newest", filter=old)


def tracks_by_id(track_ids: Collection[str]) -> Query:
    """Tracks with one of these ids."""
    named = {"track_id": {"$in": list(track_ids)}}
    return Query(collection="tracks", index="track_id", filter=named)


def tracks_from(offset: int) -> Query:
    """In row order; rows count from 1."""
    rows = {"_id": {"$gt": offset}}
    return Query(collection="tracks", index="_id_", filter=rows, sort=(("_id", 1),), forced=True)


def last_track() -> Query:
    """The row that was given last."""
    order = (("_id", -1),)
    return Query(
        collection="tracks",
        index="_id_",
        filter={},
        sort=order,
        limit=1,
        fields=("_id",),
        forced=True,
    )


def row(number: int) -> Document:
    """Names one track."""
    return {"_id": number}


def named(key: str) -> Document:
    """Names one document by its `_id`."""
    return {"_id": key}


def aliases_of(kind: str, values: Sequence[str]) -> Query:
    """Aliases of one kind."""
    named = {"kind": kind, "value": {"$in": list(values)}}
    return Query(collection="aliases", index="alias", filter=named, fields=("value", "track_id"))


def every_alias() -> Query:
    """By kind and value."""
    order = (("kind", 1), ("value", 1))
    return Query(
        collection="aliases",
        index="alias",
        filter={},
        sort=order,
        fields=("kind", "value", "track_id"),
    )


def alias(kind: str, value: str) -> Document:
    """Names one alias."""
    return {"kind": kind, "value": value}


def pointing_to(track_id: str) -> Document:
    """Makes an alias mean this track."""
    return {"$set": {"track_id": track_id}}


def one_of(collection: str, key: str) -> Query:
    """The document with this `_id`, a string."""
    return Query(collection=collection, index="_id_", filter={"_id": key})


def some_of(collection: str, keys: Collection[str], fields: tuple[str, ...]) -> Query:
    """The documents with these `_id`."""
    return Query(
        collection=collection, index="_id_", filter={"_id": {"$in": list(keys)}}, fields=fields
    )


def all_in_order(collection: str) -> Query:
    """Every document by `_id`."""
    return Query(collection=collection, index="_id_", filter={}, sort=(("_id", 1),), forced=True)


def changed_parts(parts: Document) -> Document:
    """Sets parts of a user; their names are those of UserSettings."""
    return {"$set": parts}


def raised(now: datetime) -> Document:
    """Raises a user's rev by one."""
    return {"$inc": {"rev": 1}, "$set": {"updated_at": now}}


def derived(name: str, rev: int) -> Document:
    """Notes of which rev of a user something was derived."""
    return {"$set": {f"{name}_rev": rev}}


def at_least(rev: int) -> Document:
    """Lifts the floor that the revs of new users start from."""
    return {"$max": {"rev": rev}}


def served(version: str) -> Document:
    """Sets the model that every process serves."""
    return {"$set": {"version": version}}


def chunks_before(version: str) -> Query:
    """The first chunk of every file of an older version."""
    older = {"files_id": {"$lt": version}, "n": 0}
    return Query(
        collection=f"{BUCKET}.chunks",
        index="files_id_1_n_1",
        filter=older,
        fields=("files_id",),
        forced=True,
    )


def seen(now: datetime) -> Document:
    """Notes that a process is there, without a commit."""
    return {"$set": {"at": now}, "$inc": {"commits": 0}}


def counted(now: datetime) -> Document:
    """Counts a commit of a process."""
    return {"$inc": {"commits": 1}, "$set": {"at": now}}


def nearest(user_id: str, limit: int, least: float) -> Query:
    """The nearest users, at least so similar."""
    return Query(
        collection="user_similarities",
        index="nearest",
        filter={"user1_id": user_id, "similarity": {"$gte": least}},
        sort=(("similarity", -1), ("user2_id", 1)),
        limit=limit,
        forced=True,
    )


def neighbours_of(user_id: str) -> Query:
    """Pairs from this user, to replace."""
    return Query(collection="user_similarities", index="nearest", filter={"user1_id": user_id})


def neighbour_to(user_id: str) -> Query:
    """Pairs towards this user, to erase."""
    return Query(collection="user_similarities", index="seen_from", filter={"user2_id": user_id})
