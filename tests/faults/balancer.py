"""A load balancer of a cluster, in small: new connections go to whoever is in service, in turn.

It hears of changes late, as every real one does, and never asks a second server when one refuses.
"""

import asyncio
import contextlib
from itertools import count
from typing import Self

from tests.servers import HOST

CHUNK = 1 << 16


class Balancer:
    """Passes each connection to one of the ports in service."""

    def __init__(self, *ports: int, hears_after_s: float) -> None:
        self.in_service, self.port = list(ports), 0
        self._hears_after_s, self._turn = hears_after_s, count()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def take_out(self, port: int) -> None:
        """Done once the balancer has heard of it; until then connections go there."""
        await asyncio.sleep(self._hears_after_s)
        self.in_service.remove(port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self.in_service[next(self._turn) % len(self.in_service)]
        with contextlib.suppress(OSError):
            back, onward = await asyncio.open_connection(HOST, port)
            await asyncio.gather(_pump(reader, onward), _pump(back, writer))
        writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
