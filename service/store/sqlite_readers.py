"""Connections that only read: as many as read at once, each handed from thread to thread.

One more belongs to the event loop. It reads a few rows where that is quick, since a hop to a thread
costs more than they do: of lists, 307 a second were made with a hop and 382 without. It waits for
nobody, and whatever it cannot read a thread reads.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from service.errors import StoreUnavailable
from service.pace import Pace
from service.store.sqlite_connect import connect

Result = TypeVar("Result")
READERS = 16
QUICK_S = 0.002
"""Of a disk that is waited for, too: then threads wait."""


class Readers:
    """Of one file of SQLite."""

    def __init__(self, path: Path) -> None:
        self._path, self._closed = path, False
        self._at_rest: list[sqlite3.Connection] = []  # at most one per thread that reads
        # A hop through anyio's threads takes three times as long.
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._here: sqlite3.Connection | None = None
        self._pace = Pace(quick_s=QUICK_S)

    async def look_up(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `work` finds, which is a few rows: at once, where that is quick.

        Raises:
            StoreUnavailable
        """
        if self._pace.quick and not self._closed:
            began = perf_counter()
            try:
                return work(self._reader_here())
            except sqlite3.Error:  # locked for a moment, or worse: a thread can wait and find out
                self._close_here()
            finally:
                self._pace.saw(perf_counter() - began)
        return await self.run(work)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `work` finds, in a thread.

        Raises:
            StoreUnavailable
        """

        def read() -> Result:
            reader = self._reader()
            try:
                result = work(reader)
            except sqlite3.Error:  # the next read starts with a connection that has no past
                reader.close()
                raise
            if self._closed:
                reader.close()
            else:
                self._at_rest.append(reader)
            return result

        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, read)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store could not read: {error}") from error

    def close(self) -> None:
        """Read no more; who reads now closes their connection afterwards."""
        self._closed = True
        self._threads.shutdown(wait=False)
        self._close_here()
        while self._at_rest:
            self._at_rest.pop().close()

    def _reader_here(self) -> sqlite3.Connection:
        if self._here is None:
            self._here = connect(self._path)
            self._here.execute("PRAGMA busy_timeout = 0")
        return self._here

    def _close_here(self) -> None:
        here, self._here = self._here, None
        if here is not None:
            with suppress(sqlite3.Error):
                here.close()

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._at_rest.pop()
        except IndexError:
            return connect(self._path)
