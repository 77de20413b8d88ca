"""Lists that users were shown, in SQLite: written and dropped piece by piece, read page by page.

Nobody waits long for a piece: between two of them others write. A page is one short read.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from service.domain import EPOCH, MILLISECOND, ShownList, milliseconds
from service.store.group_commit import GroupCommit

Read = Callable[[str, tuple[Any, ...]], Awaitable[list[Any]]]

NEVER = 1 << 62
LAST = "\U0010ffff"  # after every user id
AT_ONCE = 1_000  # in one transaction
PUT = "INSERT OR IGNORE INTO shown (user_id, list_id, at, body) VALUES (?, ?, ?, ?)"
# The index alone says what was sent at other times: only lists that are read are looked up.
SINCE = (
    "SELECT user_id, at, list_id, (SELECT body FROM shown AS whole"
    " WHERE whole.user_id = sent.user_id AND whole.list_id = sent.list_id)"
    " FROM shown AS sent INDEXED BY shown_in_order"
    " WHERE (user_id, at, list_id) > (?, ?, ?) AND at >= ? AND at < ? AND user_id <= ?"
    " ORDER BY user_id, at, list_id LIMIT ?"
)
FORGET = (
    "DELETE FROM shown WHERE (user_id, list_id) IN"
    " (SELECT user_id, list_id FROM shown INDEXED BY shown_by_time WHERE at < ? LIMIT ?)"
)


async def put(writer: GroupCommit, lists: Sequence[ShownList]) -> int:
    """Keep those that are new; how many."""
    kept = 0
    for start in range(0, len(lists), AT_ONCE):
        rows = [_list_to_row(one) for one in lists[start : start + AT_ONCE]]
        kept += await writer.run(partial(_put, rows=rows))
    return kept


async def since(
    read: Read, first: datetime, until: datetime | None, user_id: str | None, batch: int
) -> AsyncIterator[list[ShownList]]:
    """Lists sent from `first` on and before `until`, user by user or to one."""
    times = milliseconds(first), NEVER if until is None else milliseconds(until)
    last: tuple[str, int, str] = (user_id or "", -NEVER, "")
    decoder = msgspec.msgpack.Decoder(ShownList)
    while rows := await read(SINCE, (*last, *times, user_id or LAST, batch)):
        last = rows[-1][:3]
        yield [_row_to_list(decoder, row) for row in rows]


async def forget(writer: GroupCommit, before: datetime) -> int:
    """Drop what was sent before; how many."""
    forgotten, dropped = 0, AT_ONCE
    while dropped == AT_ONCE:
        dropped = await writer.run(partial(_forget, at=milliseconds(before)))
        forgotten += dropped
    return forgotten


def _put(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> int:
    return connection.executemany(PUT, rows).rowcount


def _forget(connection: sqlite3.Connection, at: int) -> int:
    return connection.execute(FORGET, (at, AT_ONCE)).rowcount


def _list_to_row(shown: ShownList) -> tuple[Any, ...]:
    body = msgspec.msgpack.encode(shown)
    return shown.user_id, shown.list_id, milliseconds(shown.at), body


def _row_to_list(
    decoder: "msgspec.msgpack.Decoder[ShownList]", row: tuple[str, int, str, bytes]
) -> ShownList:
    """The columns are what was looked for: the time in there may be finer."""
    _, at, _, body = row
    return msgspec.structs.replace(decoder.decode(body), at=EPOCH + at * MILLISECOND)
