"""TLS in front of a server on loopback, by an authority that nobody else trusts."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import trustme
from anyio.from_thread import start_blocking_portal
from msgspec import Struct

from tests.servers import HOST

CHUNK = 1 << 16


class Secure(Struct, frozen=True):
    """Where TLS is spoken, and the file of the authority that vouches for it."""

    address: str  # host and port
    authority: Path


@contextlib.contextmanager
def tls(port: int, folder: Path) -> Iterator[Secure]:
    """Hand on what comes by TLS to `port`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", HOST).configure_cert(context)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(_pump(reader, behind_writer), _pump(behind_reader, writer))

    async def up() -> asyncio.Server:
        return await asyncio.start_server(accept, HOST, 0, ssl=context)

    with start_blocking_portal() as portal:
        server = portal.call(up)
        try:
            yield Secure(
                f"localhost:{server.sockets[0].getsockname()[1]}", folder / "authority.pem"
            )
        finally:
            portal.call(server.close)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()
