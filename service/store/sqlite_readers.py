"""Connections that only read: as many as read at once, each handed from thread to thread."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from service.errors import StoreUnavailable
from service.store.sqlite_connect import connect

Result = TypeVar("Result")
READERS = 16


class Readers:
    """Of one file of SQLite."""

    def __init__(self, path: Path) -> None:
        self._path, self._closed = path, False
        self._at_rest: list[sqlite3.Connection] = []  # at most one per thread that reads
        # A hop through anyio's threads takes three times as long.
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

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
        while self._at_rest:
            self._at_rest.pop().close()

    def _reader(self) -> sqlite3.Connection:
        try:
            return self._at_rest.pop()
        except IndexError:
            return connect(self._path)
