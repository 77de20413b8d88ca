"""SQLite, the embedded default: WAL, one writing thread with group commit, many readers.

Listens lie in the order they are read: (user, at, id) WITHOUT ROWID, so a user's newest listens are
one range scan.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import msgspec

from service.domain import (
    EPOCH,
    Listen,
    Track,
    User,
    UserSettings,
    milliseconds,
)
from service.errors import StoreUnavailable
from service.store.group_commit import BUSY_MS, GroupCommit
from service.store.protocol import Appended
from service.store.sqlite_rows import (
    LISTEN_COLUMNS,
    listen_to_row,
    row_to_listen,
    row_to_user,
)

Result = TypeVar("Result")

SCHEMA = """
CREATE TABLE IF NOT EXISTS listens (
    user_id TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL, track_id TEXT NOT NULL,
    action TEXT NOT NULL, plays INTEGER NOT NULL, timed INTEGER NOT NULL, ms_played INTEGER,
    rating REAL, source TEXT NOT NULL, device TEXT, context TEXT, list_id TEXT,
    PRIMARY KEY (user_id, at, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS listens_by_id ON listens (user_id, id);
CREATE INDEX IF NOT EXISTS ratings ON listens (at, rating) WHERE rating IS NOT NULL;
CREATE TABLE IF NOT EXISTS tracks (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS aliases (
    kind TEXT NOT NULL, value TEXT NOT NULL, track_id TEXT NOT NULL,
    PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, rev INTEGER NOT NULL, updated_at INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revs (last INTEGER NOT NULL);
INSERT INTO revs SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM revs);
"""
INSERT_LISTEN = f"INSERT OR IGNORE INTO listens ({LISTEN_COLUMNS}) VALUES ({', '.join('?' * 13)})"  # noqa: S608 - constants
COUNTS = """
SELECT (SELECT count(*) FROM listens), (SELECT count(*) FROM tracks), (SELECT count(*) FROM users)
"""
SELECT_USER = "SELECT id, rev, updated_at, body FROM users"


class SqliteStore:
    """The store in one file. Open several in one process or many: SQLite arbitrates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: list[sqlite3.Connection] = []  # at rest; at most one per thread that reads
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            first = self._connect()
            first.executescript(SCHEMA)
            first.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreUnavailable(f"the store at {path} cannot be opened: {error}") from error
        self._writer = GroupCommit(self._connect)
        self._version: int | None = None

    async def append(self, listens: Sequence[Listen]) -> Appended:
        rows = [listen_to_row(listen) for listen in listens]
        return await self._writer.run(lambda connection: _append(connection, rows))

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

    async def put_tracks(self, tracks: Sequence[Track]) -> list[bool]:
        bodies = [(track, msgspec.msgpack.encode(track)) for track in tracks]
        return await self._writer.run(lambda connection: _put_tracks(connection, bodies))

    async def track(self, track_id: str) -> Track | None:
        rows = await self._read("SELECT body FROM tracks WHERE id = ?", (track_id,))
        return msgspec.msgpack.decode(rows[0][0], type=Track) if rows else None

    async def tracks(self, *, offset: int = 0) -> list[Track]:
        rows = await self._read("SELECT body FROM tracks WHERE row > ? ORDER BY row", (offset,))
        decoder = msgspec.msgpack.Decoder(Track)
        return [decoder.decode(body) for (body,) in rows]

    async def resolve(self, kind: str, values: Sequence[str]) -> dict[str, str]:
        rows = await self._read(
            "SELECT value, track_id FROM aliases"
            " WHERE kind = ? AND value IN (SELECT value FROM json_each(?))",
            (kind, msgspec.json.encode(list(values)).decode()),
        )
        return dict(rows)

    async def user(self, user_id: str) -> User | None:
        rows = await self._read(f"{SELECT_USER} WHERE id = ?", (user_id,))
        return row_to_user(rows[0]) if rows else None

    async def put_user(self, user_id: str, settings: UserSettings) -> User:
        changes = settings.given
        return await self._writer.run(lambda connection: _put_user(connection, user_id, changes))

    async def delete_user(self, user_id: str) -> int:
        return await self._writer.run(lambda connection: _delete_user(connection, user_id))

    async def hourly_plays(self, since: datetime) -> list[tuple[str, datetime, int]]:
        rows = await self._read(
            "SELECT track_id, at / 3600000 AS hour, sum(plays) FROM listens WHERE timed AND at >= ?"
            " AND action IN ('play', 'like', 'save')"
            " GROUP BY track_id, hour ORDER BY track_id, hour",
            (milliseconds(since),),
        )
        return [(track_id, EPOCH + timedelta(hours=hour), plays) for track_id, hour, plays in rows]

    async def mean_rating(self, since: datetime) -> float | None:
        rows = await self._read(
            "SELECT avg(rating) FROM listens WHERE rating IS NOT NULL AND at >= ?",
            (milliseconds(since),),
        )
        mean: float | None = rows[0][0]
        return mean

    async def changed_elsewhere(self) -> bool:
        # On the connection that writes, this pragma moves only when some other connection commits.
        version = await self._writer.run(
            lambda connection: connection.execute("PRAGMA data_version").fetchone()[0]
        )
        changed = bool(version != self._version)
        self._version = version
        return changed

    async def counts(self) -> dict[str, int]:
        rows = await self._read(COUNTS, ())
        return dict(zip(("listens", "tracks", "users"), rows[0], strict=True))

    async def ping(self) -> None:
        await self._read("SELECT 1 FROM revs", ())

    async def close(self) -> None:
        self._closed = True
        await anyio.to_thread.run_sync(self._writer.close)
        while self._readers:
            self._readers.pop().close()

    async def _read(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        return await self._in_thread(lambda reader: reader.execute(sql, values).fetchall())

    async def _in_thread(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        def read() -> Result:
            reader = self._reader()
            try:
                result = work(reader)
            except sqlite3.Error:  # the next read starts with a connection that has no past
                reader.close()
                raise
            if self._closed:
                reader.close()
            else:
                self._readers.append(reader)
            return result

        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            return await anyio.to_thread.run_sync(read)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store could not read: {error}") from error

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._readers.pop()
        except IndexError:
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # an answered 202 survives a power cut
        return connection


def _append(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> Appended:
    before = connection.total_changes
    connection.execute("SAVEPOINT many")
    connection.executemany(INSERT_LISTEN, rows)
    stored = [True] * len(rows)
    if connection.total_changes - before != len(rows):  # some are duplicates: find out which
        connection.execute("ROLLBACK TO many")
        stored = [connection.execute(INSERT_LISTEN, row).rowcount == 1 for row in rows]
    connection.execute("RELEASE many")
    changed = {row[0] for row, new in zip(rows, stored, strict=True) if new}
    return Appended(stored, {user_id: _touch(connection, user_id).rev for user_id in changed})


def _touch(connection: sqlite3.Connection, user_id: str) -> User:
    # One counter for all users: an erased user who returns never gets a rev an old list still has.
    connection.execute("UPDATE revs SET last = last + 1")
    (rev,) = connection.execute("SELECT last FROM revs").fetchone()
    now = milliseconds(datetime.now(UTC))
    connection.execute(
        "INSERT INTO users (id, rev, updated_at, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, updated_at = excluded.updated_at",
        (user_id, rev, now, msgspec.msgpack.encode(User(id=user_id))),
    )
    row = connection.execute(f"{SELECT_USER} WHERE id = ?", (user_id,)).fetchone()
    return row_to_user(row)


def _put_user(connection: sqlite3.Connection, user_id: str, changes: dict[str, Any]) -> User:
    user = msgspec.structs.replace(_touch(connection, user_id), **changes)
    body = msgspec.msgpack.encode(user)
    connection.execute("UPDATE users SET body = ? WHERE id = ?", (body, user_id))
    return user


def _delete_user(connection: sqlite3.Connection, user_id: str) -> int:
    erased = connection.execute("DELETE FROM listens WHERE user_id = ?", (user_id,)).rowcount
    connection.execute("DELETE FROM users WHERE id = ?", (user_id,))
    return erased


def _put_tracks(connection: sqlite3.Connection, bodies: list[tuple[Track, bytes]]) -> list[bool]:
    changed = []
    for track, body in bodies:
        put = connection.execute(
            "INSERT INTO tracks (id, body) VALUES (?, ?) ON CONFLICT (id)"
            " DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
            (track.id, body),
        )
        changed.append(put.rowcount == 1)
        connection.executemany(
            "INSERT OR REPLACE INTO aliases (kind, value, track_id) VALUES (?, ?, ?)",
            [(kind, value, track.id) for kind, value in track.aliases.items()],
        )
    return changed
