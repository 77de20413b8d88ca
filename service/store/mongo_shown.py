"""Lists that users were shown, in MongoDB: sent again they are there already, so no transaction.

Nothing of it counts as a commit that makes other processes read again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import BulkWriteError

from service.domain import ShownList
from service.store.mongo_documents import Document, listen_key, shown_to_document
from service.store.mongo_driver import DUPLICATE, refusing
from service.store.mongo_queries import Query

ORDER = (("user_id", 1), ("at", 1), ("list_id", 1))


def lists_since(since: datetime, until: datetime | None, user_id: str | None = None) -> Query:
    """Sent from `since` on and before `until`, user by user or to one, oldest first."""
    times: Document = {"$gte": since} if until is None else {"$gte": since, "$lt": until}
    return Query(
        collection="shown",
        index="shown_in_order",
        # With a bound on its first field the index skips what was sent at other times.
        filter={"user_id": {"$gte": ""} if user_id is None else user_id, "at": times},
        sort=ORDER,
        forced=True,
    )


def lists_before(at: datetime) -> Query:
    """Sent before, to forget."""
    return Query(collection="shown", index="shown_by_time", filter={"at": {"$lt": at}})


def lists_of(user_id: str) -> Query:
    """All that one user was shown, to erase."""
    return Query(collection="shown", index="shown_in_order", filter={"user_id": user_id})


async def put(database: Any, lists: Sequence[ShownList]) -> int:  # noqa: ANN401 - of either driver
    """Keep those that are new; how many."""
    first = {listen_key(one.user_id, one.list_id): one for one in reversed(lists)}
    if not first:
        return 0
    documents = [shown_to_document(one) for one in reversed(first.values())]
    with refusing("keep what was shown"):
        try:
            inserted = await database["shown"].insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _without_known(error)
    return len(inserted.inserted_ids)


async def drop(database: Any, query: Query) -> int:  # noqa: ANN401 - of either driver
    """Delete what a query finds; how many that was."""
    with refusing("forget what was shown"):
        deleted = await database[query.collection].delete_many(query.filter)
    count: int = deleted.deleted_count
    return count


def _without_known(error: BulkWriteError) -> int:
    """How many were new, when nothing but known ones stood in the way and a majority has them."""
    others = {one["code"] for one in error.details["writeErrors"]} - {DUPLICATE}
    if others or error.details["writeConcernErrors"]:
        raise error
    inserted: int = error.details["nInserted"]
    return inserted
