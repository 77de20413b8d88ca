"""What happens inside one transaction of MongoDB: all of it is stored, or none."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from pymongo import InsertOne, ReplaceOne, UpdateOne

from service.domain import Experiment, Listen, Neighbour, StoredProfile, Track, User
from service.store import mongo_keys as api_keys
from service.store import mongo_queries as queries
from service.store import mongo_shown as shown_lists
from service.store.mongo_documents import (
    Document,
    document_to_experiment,
    document_to_track,
    document_to_user,
    experiment_to_document,
    listen_key,
    listen_to_document,
    neighbour_to_document,
    profile_to_document,
    track_to_document,
    user_to_document,
)
from service.store.mongo_queries import Query
from service.store.protocol import Appended

FLOOR = "users"


class Transaction(Struct):
    """A database and the session to use it with. `wrote` once anything was changed."""

    database: Any
    session: Any
    wrote: bool = False

    async def find(self, query: Query) -> list[Document]:
        """All documents of a query."""
        cursor = cursor_of(self.database, query, session=self.session)
        found: list[Document] = await cursor.to_list(None)
        return found

    async def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """Insert all; `BulkWriteError` when one is there already."""
        self.wrote = True
        await self.database[collection].insert_many(documents, ordered=False, session=self.session)

    async def write(self, collection: str, changes: Sequence[Any]) -> None:
        """Inserts, updates and replacements in their order."""
        if changes:
            self.wrote = True
            await self.database[collection].bulk_write(changes, session=self.session)

    async def delete(self, query: Query) -> int:
        """Delete what a query finds; how many that was."""
        self.wrote = True
        deleted = await self.database[query.collection].delete_many(
            query.filter, session=self.session
        )
        count: int = deleted.deleted_count
        return count

    async def count(self, process: str) -> None:
        """Let other processes see that this one has written."""
        changes = [
            UpdateOne(queries.named(process), queries.counted(datetime.now(UTC)), upsert=True)
        ]
        await self.write("processes", changes)


def cursor_of(database: Any, query: Query, **more: object) -> Any:  # noqa: ANN401
    """A cursor over what a query finds."""
    cursor = database[query.collection].find(query.filter, query.projection, **more)
    if query.hint:
        cursor = cursor.hint(query.hint)
    if query.sort:
        cursor = cursor.sort(list(query.sort))
    return cursor.limit(query.limit) if query.limit else cursor


async def append(
    on: Transaction, batches: Sequence[Sequence[Listen]], *, look: bool
) -> list[Appended]:
    """Store the listens that are new, raise the revs of their users.

    Without `look` they are all taken for new, and one that is not makes a `BulkWriteError`.
    """
    first = {
        listen_key(listen.user_id, listen.id): listen
        for listens in reversed(batches)
        for listen in reversed(listens)
    }
    if look:
        keys = [(listen.user_id, listen.id) for listen in first.values()]
        for document in await on.find(queries.stored_listens(keys)):
            del first[document["_id"]]
    revs: dict[str, int] = {}
    if first:
        now = datetime.now(UTC)
        await on.insert("listens", [listen_to_document(listen, now) for listen in first.values()])
        revs = await raise_revs(on, {listen.user_id for listen in first.values()})
    return [_verdict(listens, first, revs) for listens in batches]


def _verdict(
    listens: Sequence[Listen], new: dict[str, Listen], revs: Mapping[str, int]
) -> Appended:
    """Each new listen is handed out once: what is left in `new` is for those who come later."""
    stored = [new.pop(listen_key(one.user_id, one.id), None) is not None for one in listens]
    changed = {one.user_id for one, is_new in zip(listens, stored, strict=True) if is_new}
    return Appended(stored, {user_id: revs[user_id] for user_id in changed})


async def raise_revs(on: Transaction, user_ids: Collection[str]) -> dict[str, int]:
    """Raise the rev of every user, and make those who are not there yet.

    Reading before writing is safe here: if another transaction changes one of these users in
    between, this one conflicts and runs again.
    """
    now = datetime.now(UTC)
    before = await on.find(queries.some_of("users", user_ids, ("_id", "rev")))
    revs = {document["_id"]: document["rev"] + 1 for document in before}
    changes: list[Any] = [UpdateOne(queries.named(user), queries.raised(now)) for user in revs]
    if missing := set(user_ids) - revs.keys():
        floors = await on.find(queries.one_of("floors", FLOOR))
        floor = floors[0]["rev"] if floors else 0
        new = User(id="", rev=floor + 1, updated_at=now)
        for user_id in sorted(missing):
            user = msgspec.structs.replace(new, id=user_id)
            changes.append(InsertOne(user_to_document(user)))
            revs[user_id] = user.rev
    await on.write("users", changes)
    return revs


async def forget_listens(on: Transaction, user: str, before: datetime) -> dict[str, int]:
    """Drop what is older of one user; their new rev, or nothing when there was none."""
    if not await on.delete(queries.listens_before(user, before)):
        on.wrote = False
        return {}
    return await raise_revs(on, [user])


async def put_user(on: Transaction, user_id: str, parts: Document) -> User:
    """Change parts of a user and raise the rev; `parts` are documents named as in UserSettings."""
    await raise_revs(on, [user_id])
    if parts:
        changes = [UpdateOne(queries.named(user_id), queries.changed_parts(parts))]
        await on.write("users", changes)
    (document,) = await on.find(queries.one_of("users", user_id))
    return document_to_user(document)


async def delete_user(on: Transaction, user_id: str) -> int:
    """Erase a user. The floor rises first: whoever returns gets a rev that no old list has."""
    users = await on.find(queries.one_of("users", user_id))
    for user in users:
        floor = UpdateOne(queries.named(FLOOR), queries.at_least(user["rev"]), upsert=True)
        await on.write("floors", [floor])
        await on.delete(queries.one_of("users", user_id))
    await on.delete(queries.one_of("profiles", user_id))
    await on.delete(queries.neighbours_of(user_id))
    await on.delete(queries.neighbour_to(user_id))
    await on.delete(shown_lists.lists_of(user_id))
    await on.delete(api_keys.keys_of(user_id))
    return await on.delete(queries.listens_of(user_id))


async def delete_listen(on: Transaction, user_id: str, listen_id: str) -> int | None:
    """Drop a listen and raise the rev of its user."""
    if not await on.delete(queries.one_of("listens", listen_key(user_id, listen_id))):
        return None
    return (await raise_revs(on, [user_id]))[user_id]


async def put_tracks(on: Transaction, tracks: Sequence[Track]) -> list[bool]:
    """Insert or replace, new ones in the rows after the last."""
    found = await on.find(queries.tracks_by_id({track.id for track in tracks}))
    rows = {document["track_id"]: document["_id"] for document in found}
    known = {document["track_id"]: document_to_track(document) for document in found}
    last = await on.find(queries.last_track())
    free = last[0]["_id"] + 1 if last else 1
    changed: list[bool] = []
    changes: list[Any] = []
    aliases: dict[tuple[str, str], str] = {}
    for track in tracks:
        changed.append(known.get(track.id) != track)
        if track.id not in rows:
            rows[track.id] = free
            changes.append(InsertOne(track_to_document(free, track)))
            free += 1
        elif changed[-1]:
            row = rows[track.id]
            changes.append(ReplaceOne(queries.row(row), track_to_document(row, track)))
        known[track.id] = track
        aliases |= dict.fromkeys(track.aliases.items(), track.id)
    await on.write("tracks", changes)
    await put_aliases(on, [(kind, value, track) for (kind, value), track in aliases.items()])
    return changed


async def put_aliases(on: Transaction, aliases: Sequence[tuple[str, str, str]]) -> None:
    """Let each (kind, value) mean that track."""
    changes = [
        UpdateOne(queries.alias(kind, value), queries.pointing_to(track_id), upsert=True)
        for kind, value, track_id in aliases
    ]
    await on.write("aliases", changes)


async def put_profile(on: Transaction, profile: StoredProfile) -> bool:
    """Keep a profile unless it is older than what is there."""
    if not await _newest(on, "profile", profile.user_id, profile.rev):
        return False
    await on.delete(queries.one_of("profiles", profile.user_id))
    await on.insert("profiles", [profile_to_document(profile)])
    return True


async def put_neighbours(
    on: Transaction, user_id: str, rev: int, neighbours: Sequence[Neighbour]
) -> bool:
    """Replace neighbours unless they are older than what is there."""
    if not await _newest(on, "neighbours", user_id, rev):
        return False
    await on.delete(queries.neighbours_of(user_id))
    if neighbours:
        documents = [neighbour_to_document(user_id, neighbour) for neighbour in neighbours]
        await on.insert("user_similarities", documents)
    return True


async def put_experiment(
    on: Transaction, experiment: Experiment, expected_rev: int
) -> Experiment | None:
    """Compare and set: whoever writes the same one meanwhile makes this run again, and lose."""
    found = await on.find(queries.one_of("experiments", experiment.name))
    known = document_to_experiment(found[0]).rev if found else 0
    if known != expected_rev:
        return None
    stored = msgspec.structs.replace(experiment, rev=expected_rev + 1)
    document = experiment_to_document(stored)
    change = ReplaceOne(queries.named(stored.name), document) if found else InsertOne(document)
    await on.write("experiments", [change])
    return stored


async def _newest(on: Transaction, name: str, user_id: str, rev: int) -> bool:
    """Whether nothing newer was derived. Noted at the user, so that an erasure conflicts."""
    users = await on.find(queries.one_of("users", user_id))
    if not users or users[0].get(f"{name}_rev", rev) > rev:
        return False
    await on.write("users", [UpdateOne(queries.named(user_id), queries.derived(name, rev))])
    return True
