"""The schema of SQLite, and what happens inside one transaction of it."""

import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from service.domain import Experiment, Neighbour, StoredProfile, Track, User, milliseconds
from service.store import sqlite_keys as api_keys
from service.store.protocol import Appended
from service.store.sqlite_rows import LISTEN_COLUMNS, row_to_user

SCHEMA = """
CREATE TABLE IF NOT EXISTS listens (
    user_id TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL, track_id TEXT NOT NULL,
    action TEXT NOT NULL, plays INTEGER NOT NULL, timed INTEGER NOT NULL, ms_played INTEGER,
    rating REAL, source TEXT NOT NULL, device TEXT, context TEXT, list_id TEXT, written INTEGER,
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
CREATE TABLE IF NOT EXISTS profiles (
    user_id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS neighbour_revs (
    user_id TEXT PRIMARY KEY, rev INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS user_similarities (
    user1_id TEXT NOT NULL, similarity REAL NOT NULL, user2_id TEXT NOT NULL,
    PRIMARY KEY (user1_id, similarity, user2_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_from ON user_similarities (user2_id);
CREATE TABLE IF NOT EXISTS experiments (
    name TEXT PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shown (
    user_id TEXT NOT NULL, list_id TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (user_id, list_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shown_in_order ON shown (user_id, at, list_id);
CREATE INDEX IF NOT EXISTS shown_by_time ON shown (at);
CREATE TABLE IF NOT EXISTS revs (last INTEGER NOT NULL);
INSERT INTO revs SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM revs);
"""
INSERT_LISTEN = (
    f"INSERT OR IGNORE INTO listens ({LISTEN_COLUMNS}, written) VALUES ({', '.join('?' * 14)})"  # noqa: S608 - constants
)
WRITTEN = "SELECT written FROM listens WHERE user_id = ? AND id = ?"
SELECT_USER = "SELECT id, rev, updated_at, body FROM users"


def append(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> Appended:
    before = connection.total_changes
    (last,) = connection.execute("SELECT last FROM revs").fetchone()
    number = last + 1  # that the first user's rev takes below
    connection.executemany(INSERT_LISTEN, [(*row, number) for row in rows])
    stored = [True] * len(rows)
    if connection.total_changes - before != len(rows):
        stored = _of_number(connection, rows, number)
    changed = {row[0] for row, new in zip(rows, stored, strict=True) if new}
    return Appended(stored, raise_revs(connection, changed))


def _of_number(
    connection: sqlite3.Connection, rows: list[tuple[Any, ...]], number: int
) -> list[bool]:
    """Which rows were stored under this number; of equal ones the first."""
    stored, seen = [], set()
    for user_id, _, listen_id, *_ in rows:
        key = user_id, listen_id
        found = connection.execute(WRITTEN, key).fetchone() if key not in seen else None
        stored.append(found == (number,))
        seen.add(key)
    return stored


def next_numbers(connection: sqlite3.Connection, count: int) -> range:
    """So many numbers that were nobody's."""
    (last,) = connection.execute(
        "UPDATE revs SET last = last + ? RETURNING last", (count,)
    ).fetchone()
    return range(last - count + 1, last + 1)


def raise_revs(connection: sqlite3.Connection, user_ids: Collection[str]) -> dict[str, int]:
    """A new rev for each user, who may be new."""
    if not user_ids:
        return {}
    # One counter for all users: an erased user who returns never gets a rev an old list still has.
    revs = dict(zip(user_ids, next_numbers(connection, len(user_ids)), strict=True))
    now = milliseconds(datetime.now(UTC))
    connection.executemany(
        "INSERT INTO users (id, rev, updated_at, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, updated_at = excluded.updated_at",
        [
            (user_id, rev, now, msgspec.msgpack.encode(User(id=user_id)))
            for user_id, rev in revs.items()
        ],
    )
    return revs


def put_user(connection: sqlite3.Connection, user_id: str, changes: dict[str, Any]) -> User:
    raise_revs(connection, [user_id])
    row = connection.execute(f"{SELECT_USER} WHERE id = ?", (user_id,)).fetchone()
    user = msgspec.structs.replace(row_to_user(row), **changes)
    body = msgspec.msgpack.encode(user)
    connection.execute("UPDATE users SET body = ? WHERE id = ?", (body, user_id))
    return user


def delete_user(connection: sqlite3.Connection, user_id: str) -> int:
    next_numbers(connection, 1)
    erased = connection.execute("DELETE FROM listens WHERE user_id = ?", (user_id,)).rowcount
    connection.execute("DELETE FROM users WHERE id = ?", (user_id,))
    connection.execute("DELETE FROM profiles WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM user_similarities WHERE user1_id = ?", (user_id,))
    connection.execute("DELETE FROM user_similarities WHERE user2_id = ?", (user_id,))
    connection.execute("DELETE FROM neighbour_revs WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM shown WHERE user_id = ?", (user_id,))
    connection.execute(api_keys.FORGET, (user_id,))
    return erased


def delete_listen(connection: sqlite3.Connection, user_id: str, listen_id: str) -> int | None:
    """Drop a listen and raise the rev of its user."""
    gone = connection.execute(
        "DELETE FROM listens WHERE user_id = ? AND id = ?", (user_id, listen_id)
    )
    return raise_revs(connection, [user_id])[user_id] if gone.rowcount else None


def put_tracks(connection: sqlite3.Connection, bodies: list[tuple[Track, bytes]]) -> list[bool]:
    changed = []
    for track, body in bodies:
        put = connection.execute(
            "INSERT INTO tracks (id, body) VALUES (?, ?) ON CONFLICT (id)"
            " DO UPDATE SET body = excluded.body WHERE body <> excluded.body",
            (track.id, body),
        )
        changed.append(put.rowcount == 1)
        put_aliases(connection, [(*alias, track.id) for alias in track.aliases.items()])
    if any(changed):
        next_numbers(connection, 1)
    return changed


def put_aliases(connection: sqlite3.Connection, aliases: Sequence[tuple[str, str, str]]) -> None:
    """Let each (kind, value) mean that track."""
    connection.executemany(
        "INSERT OR REPLACE INTO aliases (kind, value, track_id) VALUES (?, ?, ?)", aliases
    )


def put_profile(connection: sqlite3.Connection, profile: StoredProfile) -> bool:
    """Keep a profile of somebody who is there, unless it is older than what is kept."""
    put = connection.execute(
        "INSERT INTO profiles (user_id, rev, body) SELECT ?, ?, ?"
        " WHERE EXISTS (SELECT 1 FROM users WHERE id = ?) ON CONFLICT (user_id)"
        " DO UPDATE SET rev = excluded.rev, body = excluded.body WHERE rev <= excluded.rev",
        (profile.user_id, profile.rev, profile.body, profile.user_id),
    )
    return put.rowcount == 1


def put_neighbours(
    connection: sqlite3.Connection, user_id: str, rev: int, neighbours: Sequence[Neighbour]
) -> bool:
    """Replace neighbours of somebody who is there, unless older than what is kept."""
    put = connection.execute(
        "INSERT INTO neighbour_revs (user_id, rev) SELECT ?, ?"
        " WHERE EXISTS (SELECT 1 FROM users WHERE id = ?) ON CONFLICT (user_id)"
        " DO UPDATE SET rev = excluded.rev WHERE rev <= excluded.rev",
        (user_id, rev, user_id),
    )
    if put.rowcount != 1:
        return False
    connection.execute("DELETE FROM user_similarities WHERE user1_id = ?", (user_id,))
    connection.executemany(
        "INSERT INTO user_similarities (user1_id, similarity, user2_id) VALUES (?, ?, ?)",
        [(user_id, one.similarity, one.user_id) for one in neighbours],
    )
    return True


def put_experiment(
    connection: sqlite3.Connection, experiment: Experiment, expected_rev: int
) -> Experiment | None:
    """Compare and set: None when the rev that is stored is another one."""
    stored = msgspec.structs.replace(experiment, rev=expected_rev + 1)
    row = (stored.name, stored.rev, msgspec.msgpack.encode(stored), expected_rev)
    put = connection.execute(
        "UPDATE experiments SET rev = ?2, body = ?3 WHERE name = ?1 AND rev = ?4"
        if expected_rev
        else "INSERT OR IGNORE INTO experiments (name, rev, body) SELECT ?1, ?2, ?3 WHERE ?4 = 0",
        row,
    )
    return stored if put.rowcount == 1 else None
