"""What doctors ask of SQLite: how much there is, plans of reads, whether a commit is on disk."""

from collections.abc import Awaitable, Callable
from typing import Any

from service.store import sqlite_keys as api_keys
from service.store import sqlite_shown as shown

Read = Callable[[str, tuple[Any, ...]], Awaitable[list[Any]]]

FULL = 2
ASKED = {  # what requests ask; trends and ratings are read once at start and go through it all
    "newest listens": "SELECT * FROM listens WHERE user_id = 'u' AND (at, id) < (1, 'x')"
    " ORDER BY at DESC, id DESC LIMIT 500",
    "listen stored": "SELECT * FROM listens WHERE user_id = 'u' AND id = 'x'",
    "listens written": "SELECT * FROM listens INDEXED BY listens_by_written WHERE written > 5"
    " ORDER BY written, user_id, at, id LIMIT 500",
    "track": "SELECT body FROM tracks WHERE id = 't'",
    "aliases": "SELECT track_id FROM aliases WHERE kind = 'isrc' AND value = 'x'",
    "user": "SELECT body FROM users WHERE id = 'u'",
    "experiment": "SELECT body FROM experiments WHERE name = 'e'",
    "neighbours": "SELECT * FROM user_similarities WHERE user1_id = 'u' AND similarity >= 0.1",
    "lists shown": shown.SINCE.replace("?", "1"),
    "lists to forget": shown.FORGET.replace("?", "1"),
    "keys to erase": api_keys.FORGET.replace("?", "'u'"),
    "lists to erase": "SELECT * FROM shown WHERE user_id = 'u'",
}

COUNTS = """
SELECT (SELECT count(*) FROM listens), (SELECT count(*) FROM tracks), (SELECT count(*) FROM users)
"""


async def counts(read: Read) -> dict[str, int]:
    """How many there are of each."""
    rows = await read(COUNTS, ())
    return dict(zip(("listens", "tracks", "users"), rows[0], strict=True))


async def unindexed(read: Read) -> list[str]:
    """Reads that go through a whole table."""
    wrong = []
    for what, sql in ASKED.items():
        plan = await read(f"EXPLAIN QUERY PLAN {sql}", ())
        if any(step[3].startswith("SCAN") for step in plan):
            wrong.append(f"{what}: reads a whole table")
    return wrong


async def weaknesses(read: Read) -> list[str]:
    """What makes a commit less than durable."""
    ((journal,),) = await read("PRAGMA journal_mode", ())
    ((synchronous,),) = await read("PRAGMA synchronous", ())
    wrong = []
    if journal != "wal":  # SQLite falls back by itself, on a network drive for one
        wrong.append(f"the journal is {journal}, not wal: readers wait for writers")
    if synchronous < FULL:
        wrong.append("commits do not wait for the disk")
    return wrong
