"""MongoDB, for more than one process: Motor by default, PyMongo's own client as well.

Needs a replica set, one member is enough: listens and revs change in one transaction (ADR 12).
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from service.api_key import ApiKey
from service.domain import (
    EPOCH,
    MILLISECOND,
    Experiment,
    Listen,
    Neighbour,
    ShownList,
    StoredProfile,
    Track,
    User,
    UserSettings,
    milliseconds,
)
from service.errors import StoreUnavailable
from service.store import mongo_indexes as indexes
from service.store import mongo_keys as api_keys
from service.store import mongo_log as log
from service.store import mongo_queries as queries
from service.store import mongo_shown as shown_lists
from service.store import mongo_transaction as transaction
from service.store import mongo_trends as trends
from service.store.mongo_documents import (
    Document,
    document_to_experiment,
    document_to_listen,
    document_to_neighbour,
    document_to_profile,
    document_to_shown,
    document_to_track,
    document_to_user,
)
from service.store.mongo_driver import Client, batched, closed, connect, database, refusing, settled
from service.store.mongo_forgetting import older
from service.store.mongo_published import MongoPublished
from service.store.mongo_queries import Query
from service.store.mongo_transaction import cursor_of
from service.store.mongo_writes import Writes
from service.store.protocol import Appended, HourlyPlays

FIELDS = Listen.__struct_fields__
TRACKS_AT_ONCE = 1_000  # in one transaction


class MongoStore:
    """The store in one database; made by `open_mongo`."""

    def __init__(self, reads: Any, long: Any) -> None:  # noqa: ANN401 - clients of either driver
        self._clients = reads, long
        self._reads, self._long = database(reads), database(long)
        self.models = MongoPublished(self._reads, self._long)
        self._process = secrets.token_hex(8)
        self._writes = Writes(long, self._long, self._process)
        self._seen: dict[str, int] | None = None
        self._closed = False

    async def prepare(self) -> None:
        """Check what kind of server this is and make the indexes.

        Raises:
            StoreUnavailable: it does not answer, or knows no transactions.
        """
        with refusing("be opened"):
            await indexes.need_transactions(self._reads)
            await indexes.make_indexes(self._long)

    async def append(self, listens: Sequence[Listen]) -> Appended:
        return await self._writes.append(listens) if listens else Appended([], {})

    async def recent(
        self, user_id: str, limit: int, *, before: tuple[datetime, str] | None = None
    ) -> list[Listen]:
        if limit <= 0:  # to MongoDB, 0 is no limit
            return []
        found = await self._find(queries.newest_listens(user_id, limit, before, FIELDS))
        return [document_to_listen(document) for document in found]

    async def listens(self, *, batch: int = 10_000) -> AsyncIterator[list[Listen]]:
        async for documents in self._batches(queries.every_listen(FIELDS), batch):
            yield [document_to_listen(document) for document in documents]

    async def stored_mark(self) -> str:
        found = await self._find(log.last_stored())
        return str(milliseconds(found[0]["stored_at"])) if found and found[0] else ""

    async def stored_since(
        self, mark: str, *, until: str | None = None, batch: int = 10_000
    ) -> AsyncIterator[tuple[list[Listen], str]]:
        since = EPOCH + int(mark) * MILLISECOND - log.OVERLAP if mark else EPOCH
        stop = None if until is None else EPOCH + int(until or 0) * MILLISECOND
        async for documents in self._batches(log.listens_stored(since, stop, FIELDS), batch):
            times = [document.pop("stored_at") for document in documents]
            yield [document_to_listen(one) for one in documents], str(milliseconds(times[-1]))

    async def put_tracks(self, tracks: Sequence[Track]) -> list[bool]:
        changed: list[bool] = []
        for start in range(0, len(tracks), TRACKS_AT_ONCE):
            some = tracks[start : start + TRACKS_AT_ONCE]
            changed += await self._writes.run(partial(transaction.put_tracks, tracks=some))
        return changed

    async def track(self, track_id: str) -> Track | None:
        found = await self._find(queries.tracks_by_id([track_id]))
        return document_to_track(found[0]) if found else None

    async def tracks(self, *, offset: int = 0) -> list[Track]:
        batches = self._batches(queries.tracks_from(offset), TRACKS_AT_ONCE)
        return [document_to_track(one) async for documents in batches for one in documents]

    async def resolve(self, kind: str, values: Sequence[str]) -> dict[str, str]:
        found = await self._find(queries.aliases_of(kind, values))
        return {document["value"]: document["track_id"] for document in found}

    async def aliases(self, *, batch: int = 10_000) -> AsyncIterator[list[tuple[str, str, str]]]:
        async for documents in self._batches(queries.every_alias(), batch):
            yield [(one["kind"], one["value"], one["track_id"]) for one in documents]

    async def put_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        for start in range(0, len(aliases), TRACKS_AT_ONCE):
            some = aliases[start : start + TRACKS_AT_ONCE]
            await self._writes.run(partial(transaction.put_aliases, aliases=some))

    async def user(self, user_id: str) -> User | None:
        found = await self._find(queries.one_of("users", user_id))
        return document_to_user(found[0]) if found else None

    async def known(self, user_id: str, limit: int) -> tuple[User, list[Listen]] | None:
        user = await self.user(user_id)
        return None if user is None else (user, await self.recent(user_id, limit))

    async def users(self, *, batch: int = 10_000) -> AsyncIterator[list[User]]:
        async for documents in self._batches(queries.all_in_order("users"), batch):
            yield [document_to_user(document) for document in documents]

    async def put_user(self, user_id: str, settings: UserSettings) -> User:
        parts: Document = {k: msgspec.to_builtins(part) for k, part in settings.given.items()}
        return await self._writes.run(lambda on: transaction.put_user(on, user_id, parts))

    async def delete_user(self, user_id: str) -> int:
        # Most of it outside: it would not fit. The rev stands meanwhile; a dead job runs again.
        most = await shown_lists.drop(self._long, queries.listens_of(user_id))
        await shown_lists.drop(self._long, shown_lists.lists_of(user_id))
        return most + await self._writes.run(lambda on: transaction.delete_user(on, user_id))

    def forget_listens(self, before: datetime) -> AsyncIterator[dict[str, int]]:
        return older(self._writes, self.users(), before)

    async def delete_listen(self, user_id: str, listen_id: str) -> int | None:
        return await self._writes.run(lambda on: transaction.delete_listen(on, user_id, listen_id))

    async def put_profile(self, profile: StoredProfile) -> bool:
        return await self._writes.run(lambda on: transaction.put_profile(on, profile))

    async def profile(self, user_id: str) -> StoredProfile | None:
        found = await self._find(queries.one_of("profiles", user_id))
        return document_to_profile(found[0]) if found else None

    async def put_neighbours(self, user_id: str, rev: int, neighbours: Sequence[Neighbour]) -> bool:
        return await self._writes.run(
            lambda on: transaction.put_neighbours(on, user_id, rev, neighbours)
        )

    async def neighbours(self, user_id: str, limit: int, *, least: float) -> list[Neighbour]:
        if limit <= 0:
            return []
        found = await self._find(queries.nearest(user_id, limit, least))
        return [document_to_neighbour(document) for document in found]

    async def put_shown(self, lists: Sequence[ShownList]) -> int:
        self._refuse_if_closed()
        return await shown_lists.put(self._long, lists)

    async def shown(
        self,
        since: datetime,
        *,
        until: datetime | None = None,
        user_id: str | None = None,
        batch: int = 1_000,
    ) -> AsyncIterator[list[ShownList]]:
        async for documents in self._batches(shown_lists.lists_since(since, until, user_id), batch):
            yield [document_to_shown(document) for document in documents]

    async def forget_shown(self, before: datetime) -> int:
        self._refuse_if_closed()
        return await shown_lists.drop(self._long, shown_lists.lists_before(before))

    async def put_experiment(
        self, experiment: Experiment, *, expected_rev: int
    ) -> Experiment | None:
        return await self._writes.run(
            lambda on: transaction.put_experiment(on, experiment, expected_rev)
        )

    async def experiment(self, name: str) -> Experiment | None:
        found = await self._find(queries.one_of("experiments", name))
        return document_to_experiment(found[0]) if found else None

    async def experiments(self) -> list[Experiment]:
        found = await self._find(queries.all_in_order("experiments"))
        return [document_to_experiment(document) for document in found]

    async def put_key(self, key: ApiKey) -> None:
        self._refuse_if_closed()
        await api_keys.put(self._long, key)

    async def keys(self) -> list[ApiKey]:
        found = await self._find(queries.all_in_order(api_keys.COLLECTION))
        return [api_keys.document_to_key(document) for document in found]

    async def hourly_plays(self, since: datetime) -> HourlyPlays:
        return await trends.hourly_plays(self._aggregate, since)

    async def plays_at_mark(self, since: datetime) -> tuple[HourlyPlays, str]:
        return await trends.plays_at_mark(self.hourly_plays, self.stored_mark, since)

    async def mean_rating(self, since: datetime) -> float | None:
        found = await self._aggregate(queries.ratings(since), queries.mean_of_ratings(since))
        return float(found[0]["mean"]) if found else None

    async def last_number(self) -> int | None:
        return None  # one counter for all would be one document that every write waits for

    async def changed_elsewhere(self) -> bool:
        found = await self._find(queries.all_in_order("processes"))
        others = {one["_id"]: one["commits"] for one in found if one["_id"] != self._process}
        before, self._seen = self._seen, others
        return before is not None and not others.items() <= before.items()

    async def counts(self) -> dict[str, int]:
        with refusing("read"):
            return await indexes.counts(self._long)

    async def unindexed(self) -> list[str]:
        with refusing("explain its plans"):
            return await indexes.unindexed(self._long)

    async def weaknesses(self) -> list[str]:
        with refusing("write to a majority"):
            return await indexes.weaknesses(self._long, self._process)

    async def ping(self) -> None:
        with refusing("answer"):
            await self._reads.command("ping")

    async def close(self) -> None:
        self._closed = True
        await self._writes.close()
        await closed(*self._clients)

    async def _find(self, query: Query) -> list[Document]:
        self._refuse_if_closed()
        with refusing("read"):
            found: list[Document] = await cursor_of(self._reads, query).to_list(None)
            return found

    async def _batches(self, query: Query, batch: int) -> AsyncIterator[list[Document]]:
        self._refuse_if_closed()
        async for documents in batched(cursor_of(self._long, query, batch_size=batch), batch):
            yield documents

    async def _aggregate(self, match: Query, pipeline: list[Document]) -> list[Document]:
        self._refuse_if_closed()
        with refusing("read"):
            named = {"hint": match.hint} if match.hint else {}
            cursor = self._long[match.collection].aggregate(pipeline, **named)
            found: list[Document] = await (await settled(cursor)).to_list(None)
            return found

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


async def open_mongo(url: str, client: Client) -> MongoStore:
    """The store at `url`, with `AsyncIOMotorClient` or `AsyncMongoClient`.

    Raises:
        StoreUnavailable: it cannot be reached or used.
    """
    store = MongoStore(*connect(url, client))
    try:
        await store.prepare()
    except BaseException:
        await store.close()
        raise
    return store
