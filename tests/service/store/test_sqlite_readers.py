"""Where rows are read: a few on the loop while that is quick, all else in threads."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import StoreUnavailable
from service.store import sqlite_readers
from service.store.sqlite_connect import connect
from service.store.sqlite_readers import Readers


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[Readers]:
    first = connect(tmp_path / "some.db")
    first.execute("CREATE TABLE numbers (n INTEGER)")
    first.execute("INSERT INTO numbers VALUES (1), (2)")
    first.close()
    made = Readers(tmp_path / "some.db")
    yield made
    made.close()


def here(reader: sqlite3.Connection) -> tuple[int, int]:
    (total,) = reader.execute("SELECT sum(n) FROM numbers").fetchone()
    return total, threading.get_ident()


async def test_a_few_rows_are_read_on_the_loop_and_many_in_a_thread(readers: Readers) -> None:
    few, many = await readers.look_up(here), await readers.run(here)

    assert (3, threading.get_ident()) == few
    assert 3 == many[0]
    assert threading.get_ident() != many[1]


async def test_what_cannot_be_read_at_once_a_thread_waits_for(readers: Readers) -> None:
    """As when somebody has locked the file for a moment."""
    asked = list[int]()

    def locked(reader: sqlite3.Connection) -> tuple[int, int]:
        asked.append(threading.get_ident())
        (patience,) = reader.execute("PRAGMA busy_timeout").fetchone()
        if not patience:
            raise sqlite3.OperationalError("database is locked")
        return here(reader)

    assert 3 == (await readers.look_up(locked))[0]
    assert 2 == len(set(asked))
    assert (3, threading.get_ident()) == await readers.look_up(here)  # by a new connection


async def test_a_disk_that_is_waited_for_leaves_the_loop(readers: Readers) -> None:
    def slow(reader: sqlite3.Connection) -> tuple[int, int]:
        time.sleep(3 * sqlite_readers.QUICK_S)
        return here(reader)

    places = [(await readers.look_up(slow))[1] == threading.get_ident() for _ in range(12)]

    assert places[0]
    assert not any(places[-4:])


async def test_who_cannot_read_at_all_is_told_so(readers: Readers) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with pytest.raises(StoreUnavailable, match="malformed"):
        await readers.look_up(broken)
    readers.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await readers.look_up(here)
