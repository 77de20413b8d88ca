"""API keys in SQLite: few, read all at once, each replaced as a whole."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from service.api_key import ApiKey
from service.store.group_commit import GroupCommit

Read = Callable[[str, tuple[Any, ...]], Awaitable[list[Any]]]

PUT = "INSERT OR REPLACE INTO api_keys (id, user_id, body) VALUES (?, ?, ?)"
SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY, user_id TEXT, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_of_user ON api_keys (user_id);
"""
FORGET = "DELETE FROM api_keys WHERE user_id = ?"
_decoder = msgspec.msgpack.Decoder(ApiKey)


async def put(writer: GroupCommit, key: ApiKey) -> None:
    """Keep it, in place of the one with its id."""
    row = (key.id, key.user_id, msgspec.msgpack.encode(key))

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(PUT, row)

    await writer.run(write)


async def every(read: Read) -> list[ApiKey]:
    """All of them by id."""
    rows = await read("SELECT body FROM api_keys ORDER BY id", ())
    return [_decoder.decode(body) for (body,) in rows]
