"""Listens in the order in which they were written: the log that online learning catches up from.

`written` is the number of the append, `revs` counts them. Only one connection writes at a time and
takes its number inside the transaction, so what is committed later has the greater number.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from service.domain import Listen
from service.store.sqlite_rows import LISTEN_COLUMNS, row_to_listen

Read = Callable[[str, tuple[Any, ...]], Awaitable[list[Any]]]

NEWEST = 1 << 62
SINCE = (
    f"SELECT {LISTEN_COLUMNS}, written FROM listens INDEXED BY listens_by_written"  # noqa: S608 - constants
    " WHERE written BETWEEN ? AND ? AND (written, user_id, at, id) > (?, ?, ?, ?)"
    " ORDER BY written, user_id, at, id LIMIT ?"
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Give a file of an older release the column; what it holds was written before any mark."""
    connection.execute("BEGIN IMMEDIATE")  # or two processes would add it at once
    columns = connection.execute("SELECT name FROM pragma_table_info('listens')").fetchall()
    if ("written",) not in columns:
        connection.execute("ALTER TABLE listens ADD COLUMN written INTEGER")
    connection.execute(
        "CREATE INDEX IF NOT EXISTS listens_by_written ON listens (written)"
        " WHERE written IS NOT NULL"
    )
    connection.execute("COMMIT")


async def since(
    read: Read, mark: str, until: str | None, batch: int
) -> AsyncIterator[tuple[list[Listen], str]]:
    """Listens of the appends after `mark`, up to that of `until`, and the mark behind them."""
    last = (int(mark or 0) + 1, "", 0, "")
    stop = NEWEST if until is None else int(until)
    while rows := await read(SINCE, (last[0], stop, *last, batch)):
        written = rows[-1][-1]
        last = (written, *rows[-1][:3])
        whole = len(rows) < batch  # else the last append may go on: then it is told again
        yield [row_to_listen(row) for row in rows], str(written if whole else written - 1)
