"""Reads that are asked for within one turn of the event loop travel together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

MOST_TOGETHER = 128
"""Keys per MGET: 64 answers of 5 KB are a third of a megabyte, a millisecond or two."""

Fetch = Callable[[list[str]], Awaitable[Sequence[bytes | None]]]
Asked = tuple[tuple[str, ...], "asyncio.Future[Sequence[bytes | None]]"]


class Coalesced:
    """Collects keys until the loop comes round, then fetches them in one go."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._asked: list[Asked] = []
        self._fetching: set[asyncio.Task[None]] = set()

    async def read(self, *keys: str) -> Sequence[bytes | None]:
        """The values of these keys, in order."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[bytes | None]] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._send)
        self._asked.append((keys, future))
        if sum(len(asked) for asked, _ in self._asked) >= MOST_TOGETHER:
            self._send()
        return await future

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        if asked:
            task = asyncio.create_task(self._answer(asked))
            self._fetching.add(task)
            task.add_done_callback(self._fetching.discard)

    async def _answer(self, asked: list[Asked]) -> None:
        try:
            values = await self._fetch([key for keys, _ in asked for key in keys])
        except Exception as error:  # noqa: BLE001 - handed on to everybody who asked
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        start = 0
        for keys, future in asked:
            if not future.done():  # a reader that was cancelled
                future.set_result(values[start : start + len(keys)])
            start += len(keys)
