"""One keep-alive connection, asked with few instructions: a heavy client would be the load."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.servers import HOST

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TIER = re.compile(rb'"tier":"(\w+)"')


class Line:
    """Asks one thing at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, path: str, **headers: str) -> None:
        """Ask, and do not wait; an underscore in a header's name is a hyphen."""
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n{''.join(lines)}\r\n".encode())

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of what was asked."""
        head = await self._reader.readuntil(HEAD_END)
        length = LENGTH.search(head)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        return int(head[9:12]), body

    async def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Ask and wait."""
        self.send(path, **headers)
        return await self.answer()

    def hang_up(self) -> None:
        """Close the connection, answered or not."""
        self._writer.close()


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    """A connection to the server at this port."""
    one = Line(*await asyncio.open_connection(HOST, port))
    try:
        yield one
    finally:
        one.hang_up()


def tier_of(status: int, body: bytes) -> str:
    """What kind of list it is, or its status when it is none."""
    found = TIER.search(body)
    return found[1].decode() if status == 200 and found else str(status)


async def waited(port: int, name: str, good: Callable[[float], bool]) -> float:
    """Seconds until a figure of /metrics was good, 20 at most."""
    start = time.monotonic()
    while not good(await counter(port, name)) and time.monotonic() - start < 20:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return time.monotonic() - start


async def counter(port: int, name: str) -> float:
    """A figure of /metrics."""
    async with line(port) as one:
        _, text = await one.get("/metrics")
    lines = text.decode().splitlines()
    return float(next(said.split()[1] for said in lines if said.startswith(f"{name} ")))
