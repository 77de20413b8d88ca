"""A copy of a SQLite file while others write to it: whole, and of one moment."""

import sqlite3
from pathlib import Path

from service.errors import StoreUnavailable
from service.store.sqlite_connect import connect

PAGES = 4_096
"""Copied at once, 16 MB; between two pieces whoever writes may write."""


def copy(source: Path, target: Path) -> None:
    """Copy the store at `source` into the new file `target`, which needs no log beside it.

    Raises:
        StoreUnavailable: there is none, or it cannot be read or written.
    """
    if not source.exists():
        raise StoreUnavailable(f"there is no store at {source}")
    try:
        reading = connect(source)
        writing = sqlite3.connect(target, isolation_level=None)
        try:
            # In one transaction, or the copy begins anew whenever another process has written.
            reading.execute("BEGIN")
            reading.execute("SELECT last FROM revs").fetchone()
            reading.backup(writing, pages=PAGES)
            writing.execute("PRAGMA journal_mode = DELETE")
            (verdict,) = writing.execute("PRAGMA quick_check").fetchone()
        finally:
            writing.close()
            reading.close()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the store at {source} cannot be copied: {error}") from error
    if verdict != "ok":
        raise StoreUnavailable(f"the store at {source} is damaged: {verdict}")
