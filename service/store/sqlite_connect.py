"""Connections to one file of SQLite; the one that writes knows which numbers are its own."""

import sqlite3
from pathlib import Path

from service.store.group_commit import BUSY_MS

# Temporary tables belong to one connection and are rolled back with its transactions: whatever
# fails, `own` holds how far this connection has moved `revs`, and the rest are others.
OWN = """
CREATE TEMP TABLE own (numbers INTEGER NOT NULL);
INSERT INTO own VALUES (0);
CREATE TEMP TRIGGER own_number AFTER UPDATE ON main.revs
BEGIN UPDATE own SET numbers = numbers + new.last - old.last; END;
"""
OF_OTHERS = "SELECT last - numbers FROM revs, own"
"""Moves when another connection takes a number: for listens, users and tracks, not for lists that
were shown. `PRAGMA data_version` would move with every commit."""


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an answered 202 survives a power cut
    return connection


def connect_to_write(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    # Listens of many users are pages all over the file: with room for them, and moved there
    # from the log four times as seldom, a thousand take 17 ms of processor instead of 28.
    connection.execute("PRAGMA cache_size = -65536")  # KiB
    connection.execute("PRAGMA wal_autocheckpoint = 4096")  # pages
    # What savepoints would put back: in a file it took 13 ms of every thousand listens.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.executescript(OWN)
    return connection
