"""Queries of the log of listens, in the order in which they were stored.

Any number of processes store at once, each by its own clock, so the order is good to some seconds:
whoever reads on begins `OVERLAP` before their mark.
"""

from datetime import datetime, timedelta

from service.store.mongo_documents import Document
from service.store.mongo_queries import Query

OVERLAP = timedelta(seconds=30)
"""A transaction takes ten seconds at most, and clocks of processes differ by less than the rest."""


def listens_stored(since: datetime, until: datetime | None, fields: tuple[str, ...]) -> Query:
    """By the time they were stored, from `since` up to `until`."""
    times: Document = {"$gte": since} if until is None else {"$gte": since, "$lte": until}
    return Query(
        collection="listens",
        index="stored",
        filter={"stored_at": times},
        sort=(("stored_at", 1), ("_id", 1)),
        fields=(*fields, "stored_at"),
        forced=True,
    )


def last_stored() -> Query:
    """The listen that was stored last."""
    return Query(
        collection="listens",
        index="stored",
        filter={},
        sort=(("stored_at", -1), ("_id", -1)),
        limit=1,
        fields=("stored_at",),
        forced=True,
    )
