"""SQLite, the embedded default: WAL, one writing thread with group commit, many readers.

Listens lie in the order they are read: (user, at, id) WITHOUT ROWID, so a user's newest listens are
one range scan.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import msgspec

from service.api_key import ApiKey
from service.domain import (
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
from service.store import sqlite_forgetting as forgetting
from service.store import sqlite_health as health
from service.store import sqlite_keys as api_keys
from service.store import sqlite_log as log
from service.store import sqlite_plays as plays
from service.store import sqlite_shown as shown_lists
from service.store import sqlite_writes as writes
from service.store.group_commit import GroupCommit
from service.store.protocol import Appended, HourlyPlays
from service.store.sqlite_connect import OF_OTHERS, connect, connect_to_write
from service.store.sqlite_readers import Readers
from service.store.sqlite_rows import (
    LISTEN_COLUMNS,
    listen_to_row,
    row_to_listen,
    row_to_user,
)

Result = TypeVar("Result")


NEWEST = f"SELECT {LISTEN_COLUMNS} FROM listens WHERE user_id = ? ORDER BY at DESC, id DESC LIMIT ?"  # noqa: S608 - constants


class SqliteStore:
    """The store in one file. Open several in one process or many: SQLite arbitrates."""

    models: None = None  # versions stay in the data folder

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers = Readers(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            first = connect(path)
            first.executescript(writes.SCHEMA + api_keys.SCHEMA)
            log.upgrade(first)
            first.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailable(f"the store at {path} cannot be opened: {error}") from error
        self._writer = GroupCommit(self._connect_to_write)
        self._others: int | None = None  # numbers that others had taken when it was asked last

    async def append(self, listens: Sequence[Listen]) -> Appended:
        rows = [listen_to_row(listen) for listen in listens]
        return await self._writer.run(lambda connection: writes.append(connection, rows))

    async def recent(
        self, user_id: str, limit: int, *, before: tuple[datetime, str] | None = None
    ) -> list[Listen]:
        at, listen_id = (milliseconds(before[0]), before[1]) if before else (1 << 62, "")
        rows = await self._read(
            f"SELECT {LISTEN_COLUMNS} FROM listens WHERE user_id = ? AND (at, id) < (?, ?)"  # noqa: S608 - constants
            " ORDER BY at DESC, id DESC LIMIT ?",
            (user_id, at, listen_id, max(limit, 0)),
        )
        return [row_to_listen(row) for row in rows]

    async def listens(self, *, batch: int = 10_000) -> AsyncIterator[list[Listen]]:
        last: tuple[str, int, str] = ("", 0, "")
        while rows := await self._read(
            f"SELECT {LISTEN_COLUMNS} FROM listens WHERE (user_id, at, id) > (?, ?, ?)"  # noqa: S608 - constants
            " ORDER BY user_id, at, id LIMIT ?",
            (*last, batch),
        ):
            last = rows[-1][:3]
            yield [row_to_listen(row) for row in rows]

    async def stored_mark(self) -> str:
        return str(await self.last_number())

    def stored_since(
        self, mark: str, *, until: str | None = None, batch: int = 10_000
    ) -> AsyncIterator[tuple[list[Listen], str]]:
        return log.since(self._read, mark, until, batch)

    async def put_tracks(self, tracks: Sequence[Track]) -> list[bool]:
        bodies = [(track, msgspec.msgpack.encode(track)) for track in tracks]
        return await self._writer.run(lambda connection: writes.put_tracks(connection, bodies))

    async def track(self, track_id: str) -> Track | None:
        rows = await self._read("SELECT body FROM tracks WHERE id = ?", (track_id,))
        return msgspec.msgpack.decode(rows[0][0], type=Track) if rows else None

    async def tracks(self, *, offset: int = 0) -> list[Track]:
        sql = "SELECT body FROM tracks WHERE row > ? ORDER BY row"
        decode = msgspec.msgpack.Decoder(Track).decode

        def read(reader: sqlite3.Connection) -> list[Track]:
            return [decode(body) for (body,) in reader.execute(sql, (offset,))]

        return await self._in_thread(read)

    async def resolve(self, kind: str, values: Sequence[str]) -> dict[str, str]:
        rows = await self._read(
            "SELECT value, track_id FROM aliases"
            " WHERE kind = ? AND value IN (SELECT value FROM json_each(?))",
            (kind, msgspec.json.encode(list(values)).decode()),
        )
        return dict(rows)

    async def aliases(self, *, batch: int = 10_000) -> AsyncIterator[list[tuple[str, str, str]]]:
        last = ("", "")
        while rows := await self._read(
            "SELECT kind, value, track_id FROM aliases WHERE (kind, value) > (?, ?)"
            " ORDER BY kind, value LIMIT ?",
            (*last, batch),
        ):
            last = rows[-1][:2]
            yield rows

    async def put_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        await self._writer.run(lambda connection: writes.put_aliases(connection, aliases))

    async def user(self, user_id: str) -> User | None:
        rows = await self._read(f"{writes.SELECT_USER} WHERE id = ?", (user_id,))
        return row_to_user(rows[0]) if rows else None

    async def known(self, user_id: str, limit: int) -> tuple[User, list[Listen]] | None:
        def both(reader: sqlite3.Connection) -> tuple[list[Any], list[Any]]:
            users = reader.execute(f"{writes.SELECT_USER} WHERE id = ?", (user_id,)).fetchall()
            newest = (user_id, max(limit, 0))
            return users, reader.execute(NEWEST, newest).fetchall() if users else []

        users, listens = await self._readers.look_up(both)
        return (row_to_user(users[0]), [row_to_listen(row) for row in listens]) if users else None

    async def users(self, *, batch: int = 10_000) -> AsyncIterator[list[User]]:
        last = ""
        while rows := await self._read(
            f"{writes.SELECT_USER} WHERE id > ? ORDER BY id LIMIT ?", (last, batch)
        ):
            last = rows[-1][0]
            yield [row_to_user(row) for row in rows]

    async def put_user(self, user_id: str, settings: UserSettings) -> User:
        changes = settings.given
        return await self._writer.run(
            lambda connection: writes.put_user(connection, user_id, changes)
        )

    async def delete_user(self, user_id: str) -> int:
        erased = await self._writer.run(lambda connection: writes.delete_user(connection, user_id))
        await self._in_thread(lambda _: forgetting.scrub(self._path))
        return erased

    def forget_listens(self, before: datetime) -> AsyncIterator[dict[str, int]]:
        return forgetting.older(self._writer, self.users(), before)

    async def delete_listen(self, user_id: str, listen_id: str) -> int | None:
        return await self._writer.run(
            lambda connection: writes.delete_listen(connection, user_id, listen_id)
        )

    async def put_profile(self, profile: StoredProfile) -> bool:
        return await self._writer.run(lambda connection: writes.put_profile(connection, profile))

    async def profile(self, user_id: str) -> StoredProfile | None:
        rows = await self._read(
            "SELECT user_id, rev, body FROM profiles WHERE user_id = ?", (user_id,)
        )
        return StoredProfile(*rows[0]) if rows else None

    async def put_neighbours(self, user_id: str, rev: int, neighbours: Sequence[Neighbour]) -> bool:
        return await self._writer.run(
            lambda connection: writes.put_neighbours(connection, user_id, rev, neighbours)
        )

    async def neighbours(self, user_id: str, limit: int, *, least: float) -> list[Neighbour]:
        rows = await self._read(
            "SELECT user2_id, similarity FROM user_similarities WHERE user1_id = ?"
            " AND similarity >= ? ORDER BY similarity DESC, user2_id LIMIT ?",
            (user_id, least, max(limit, 0)),
        )
        return [Neighbour(*row) for row in rows]

    async def put_shown(self, lists: Sequence[ShownList]) -> int:
        return await shown_lists.put(self._writer, lists)

    def shown(
        self,
        since: datetime,
        *,
        until: datetime | None = None,
        user_id: str | None = None,
        batch: int = 1_000,
    ) -> AsyncIterator[list[ShownList]]:
        return shown_lists.since(self._read, since, until, user_id, batch)

    async def forget_shown(self, before: datetime) -> int:
        return await shown_lists.forget(self._writer, before)

    async def put_experiment(
        self, experiment: Experiment, *, expected_rev: int
    ) -> Experiment | None:
        return await self._writer.run(
            lambda connection: writes.put_experiment(connection, experiment, expected_rev)
        )

    async def experiment(self, name: str) -> Experiment | None:
        rows = await self._read("SELECT body FROM experiments WHERE name = ?", (name,))
        return msgspec.msgpack.decode(rows[0][0], type=Experiment) if rows else None

    async def experiments(self) -> list[Experiment]:
        rows = await self._read("SELECT body FROM experiments ORDER BY name", ())
        return [msgspec.msgpack.decode(body, type=Experiment) for (body,) in rows]

    async def put_key(self, key: ApiKey) -> None:
        await api_keys.put(self._writer, key)

    async def keys(self) -> list[ApiKey]:
        return await api_keys.every(self._read)

    async def hourly_plays(self, since: datetime) -> HourlyPlays:
        return await plays.hourly(self._read, since)

    async def plays_at_mark(self, since: datetime) -> tuple[HourlyPlays, str]:
        return await self._in_thread(lambda reader: plays.at_mark(reader, since))

    async def mean_rating(self, since: datetime) -> float | None:
        return await plays.mean_rating(self._read, since)

    async def last_number(self) -> int | None:
        rows = await self._read("SELECT last FROM revs", ())
        return int(rows[0][0])

    async def changed_elsewhere(self) -> bool:
        others = await self._writer.run(lambda own: own.execute(OF_OTHERS).fetchone()[0])
        changed = bool(others != self._others)
        self._others = others
        return changed

    async def counts(self) -> dict[str, int]:
        return await health.counts(self._read)

    async def unindexed(self) -> list[str]:
        return await health.unindexed(self._read)

    async def weaknesses(self) -> list[str]:
        return await health.weaknesses(self._read)

    async def ping(self) -> None:
        await self._read("SELECT 1 FROM revs", ())

    async def close(self) -> None:
        self._readers.close()
        await anyio.to_thread.run_sync(self._writer.close)

    async def _read(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        return await self._in_thread(lambda reader: reader.execute(sql, values).fetchall())

    async def _in_thread(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await self._readers.run(work)

    def _connect_to_write(self) -> sqlite3.Connection:
        return connect_to_write(self._path)
