"""A TCP proxy that can be slow, silent, gone or rude; named after what Toxiproxy calls these.

latency      bytes arrive late, in order
slicer       bytes arrive a few at a time
timeout      nothing arrives any more, and nobody is told
reset_peer   connections are reset
down         connections are closed and none is accepted
flaky        some replies never come, their connection is reset instead
lying        replies are changed on the way
"""

import asyncio
import contextlib
import random
import socket
import struct
from typing import Self

from tests.servers import HOST

CHUNK = 1 << 16
LINGER = struct.pack("ii", 1, 0)  # closing sends RST and drops what is unsent


class Proxy:
    """Passes bytes between whoever connects and the port behind it."""

    def __init__(self, target: int) -> None:
        self._target, self.port = target, 0
        self.latency_s, self.slice = 0.0, CHUNK
        self.flaky, self.lying, self._draw = 0.0, False, random.Random(5)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/"

    @property
    def listening(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None and self._server.is_serving()

    async def up(self) -> None:
        """Accept connections, on the port of before if there was one."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Accept none, and end those there are."""
        if self._server is not None:
            self._server.close()
        self.reset_peer()
        await asyncio.sleep(0)

    def reset_peer(self) -> None:
        """Reset every connection; new ones are welcome."""
        for writer in list(self._writers):
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # gone already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            writer.transport.abort()

    def timeout(self) -> None:
        """Swallow everything from now on."""
        self._flowing.clear()

    def heal(self) -> None:
        """Be a wire again. What was swallowed stays lost, so old connections are reset."""
        self.latency_s, self.slice, self.flaky = 0.0, CHUNK, 0.0
        if self.lying:
            self.lying = False
            self.reset_peer()
        if not self._flowing.is_set():
            self.reset_peer()
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward[1]}
        pumps = [
            asyncio.create_task(self._pump(reader, onward[1])),
            asyncio.create_task(self._pump(onward[0], writer, replies=True)),
        ]
        self._pumps.update(pumps)
        try:
            await asyncio.gather(*pumps)
        finally:
            self._pumps.difference_update(pumps)
            for one in (writer, onward[1]):
                self._writers.discard(one)
                one.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, replies: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                if replies and self._draw.random() < self.flaky:
                    break
                if replies and self.lying:
                    data = bytes(self._draw.choice(data) for _ in data)
                for start in range(0, len(data), self.slice):
                    writer.write(data[start : start + self.slice])
                    await writer.drain()
                    if self.slice < CHUNK:
                        await asyncio.sleep(0)
        writer.transport.abort()

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._flowing.set()
        await self.down()
        for task in list(self._pumps):
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
