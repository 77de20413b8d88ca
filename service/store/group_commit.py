"""One thread that writes: everything waiting goes into one transaction and one fsync."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from service.errors import StoreUnavailable

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Any]

MOST_PER_COMMIT = 256
BUSY_MS = 5_000


class GroupCommit:
    """Runs work on a SQLite connection; a result is handed out only after its commit is on disk.

    Work that raises is rolled back alone (savepoint); its neighbours in the commit are kept.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._waiting: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._door = threading.Lock()  # nobody may enter behind the one who locks up
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do `work` in the next commit.

        Raises:
            StoreUnavailable: the disk said no, or the store is closed; nothing was stored.
        """
        done: Future[Result] = Future()
        with self._door:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._waiting.put((work, done))
        # A caller may go away; the write may not be torn from its commit.
        try:
            return await asyncio.shield(asyncio.wrap_future(done))
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store could not write: {error}") from error

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        open_ = True
        while open_:
            batch = [self._waiting.get()]
            while len(batch) < MOST_PER_COMMIT and not self._waiting.empty():
                batch.append(self._waiting.get())
            open_ = None not in batch
            work = [one for one in batch if one is not None]
            try:
                connection = connection or self._connect()
                if len(work) == 1:
                    _commit_alone(connection, *work[0])
                else:
                    _commit(connection, work)
            except sqlite3.Error as error:
                _refuse(work, error)
                connection = _rolled_back(connection)
        if connection is not None:
            connection.close()


def _commit_alone(connection: sqlite3.Connection, work: Work, future: Future[Any]) -> None:
    """Without a savepoint, which would copy every page before it is changed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
        connection.execute("ROLLBACK")
        future.set_exception(error)
    else:
        connection.execute("COMMIT")
        future.set_result(result)


def _commit(connection: sqlite3.Connection, batch: list[tuple[Work, Future[Any]]]) -> None:
    done: list[tuple[Future[Any], Any]] = []
    connection.execute("BEGIN IMMEDIATE")
    for work, future in batch:
        connection.execute("SAVEPOINT one")
        try:
            result = work(connection)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not connection.in_transaction:
                raise  # a full disk makes SQLite drop all that was in it
            connection.execute("ROLLBACK TO one")
            future.set_exception(error)
        else:
            done.append((future, result))
        connection.execute("RELEASE one")
    connection.execute("COMMIT")
    for future, result in done:
        future.set_result(result)


def _refuse(batch: list[tuple[Work, Future[Any]]], error: sqlite3.Error) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


def _rolled_back(connection: sqlite3.Connection | None) -> sqlite3.Connection | None:
    """The connection fit for the next commit; None when it takes a new one."""
    if connection is None:
        return None
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        connection.close()
        return None
    return connection
