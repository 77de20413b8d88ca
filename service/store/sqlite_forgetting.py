"""What is to be gone, in SQLite: old listens, and what files still hold of rows that were deleted.

Deleted rows are overwritten (`secure_delete`), but pages that were split before may hold copies in
their unused parts, and the log holds pages as they were. Only a file that is written anew has
neither.
"""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from service.domain import User, milliseconds
from service.store.group_commit import GroupCommit
from service.store.sqlite_connect import connect
from service.store.sqlite_writes import raise_revs

MOST_BYTES = 256 << 20
"""A larger file is not written anew for one user: nobody writes meanwhile, which took 0.4 s for
32 MB, and whoever wants to gives up after 5 s."""
USERS_AT_ONCE = 500
FORGET = "DELETE FROM listens WHERE user_id = ? AND at < ? AND timed > 0"


def scrub(path: Path) -> None:
    """Write the file anew, and empty its log.

    Raises:
        sqlite3.Error: somebody else writes all the time, or the disk is full.
    """
    connection = connect(path)
    try:
        if path.stat().st_size <= MOST_BYTES:
            connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("the log cannot be emptied: somebody reads for long")
    finally:
        connection.close()


async def older(
    writer: GroupCommit, users: AsyncIterator[list[User]], before: datetime
) -> AsyncIterator[dict[str, int]]:
    """Drop listens from before, some users to a commit; the new revs of those who had any."""
    at = milliseconds(before)
    async for some in users:
        for start in range(0, len(some), USERS_AT_ONCE):
            ids = [user.id for user in some[start : start + USERS_AT_ONCE]]
            if revs := await writer.run(partial(_forget, ids=ids, at=at)):
                yield revs


def _forget(connection: sqlite3.Connection, ids: Sequence[str], at: int) -> dict[str, int]:
    dropped = [one for one in ids if connection.execute(FORGET, (one, at)).rowcount]
    return raise_revs(connection, dropped)
