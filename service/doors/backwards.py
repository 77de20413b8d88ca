"""Listens of one user, oldest first, though stores read them newest first.

Pages go to a temporary file and come back in the other order: memory holds one page.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import IO

import msgspec

from service.domain import Listen
from service.store import Store

PAGE = 5_000
IN_MEMORY = 8 << 20


@asynccontextmanager
async def oldest_first(store: Store, user_id: str) -> AsyncIterator["Pages"]:
    """All that is stored of the user now; gone through as often as need be.

    Raises:
        StoreUnavailable
    """
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        places, last, count = [0], None, 0
        while page := await store.recent(user_id, PAGE, before=last):
            last = page[-1].at, page[-1].id
            count += len(page)
            file.write(msgspec.msgpack.encode(page[::-1]))
            places.append(file.tell())
        yield Pages(file, places, count)


class Pages:
    """Pages of listens in a file, the newest first."""

    def __init__(self, file: "IO[bytes]", places: list[int], count: int) -> None:
        self._file, self._places, self.count = file, places, count

    def __iter__(self) -> Iterator[Listen]:
        """Every listen, oldest first."""
        decoder = msgspec.msgpack.Decoder(list[Listen])
        for start, end in reversed(list(zip(self._places, self._places[1:], strict=False))):
            self._file.seek(start)
            yield from decoder.decode(self._file.read(end - start))
