"""A small house to import into, for the tests of this folder."""

import asyncio
import gzip
import zipfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from service.bus import Bus
from service.bus.memory import MemoryStream
from service.doors.identity import Review
from service.doors.identity.review import Unresolved
from service.doors.identity.standalone import standalone_resolver
from service.doors.importers import FORMATS, Options, Row, Summary, run
from service.learn.ingest import Ingest
from service.learn.shelf import Shelf
from service.store.memory import MemoryStore


class House:
    """A memory store, and the way in."""

    def __init__(self, folder: Path, store=None) -> None:
        self.folder = folder
        self.rejects = folder / "rejects" / "rows.jsonl"
        self.store = store or MemoryStore()
        self.known: set[str] = set()
        self.stream = MemoryStream()
        self.bus = bus = Bus(self.stream)
        self.ingest = Ingest(self.store, bus, self.known.__contains__)
        self.shelf = Shelf(self.store, bus)

    def file(self, name: str, content: str | bytes) -> Path:
        """A file with this content; packed when its name says so."""
        path = self.folder / name
        raw = content.encode() if isinstance(content, str) else content
        if name.endswith(".gz"):
            raw = gzip.compress(raw)
        path.write_bytes(raw)
        return path

    def zip(self, name: str, **members: str) -> Path:
        """A zip; a member's `__` stands for a dot."""
        path = self.folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member.replace("__", "."), content)
        return path

    def bring(self, kind: str, *paths: Path, **options) -> Summary:
        """Import the files."""
        return self.take(FORMATS[kind](paths, Options(**options)).rows)

    def take(self, rows: Iterable[Row]) -> Summary:
        """Import rows."""
        return asyncio.run(
            run(
                rows,
                self.store,
                self.shelf,
                self.ingest,
                known=self.known,
                resolver=lambda: standalone_resolver(self.store, self.shelf, self.bus),
                rejects=self.rejects,
            )
        )

    def unresolved(self) -> list[Unresolved]:
        """What an operator is shown."""

        async def shown() -> list[Unresolved]:
            resolver = await standalone_resolver(self.store, self.shelf, self.bus)
            return await Review(self.store, self.shelf, resolver).unresolved()

        return asyncio.run(shown())

    def tracks(self):
        return asyncio.run(self.store.tracks())

    def track(self, track_id: str):
        return asyncio.run(self.store.track(track_id))

    def listens(self):
        async def everything():
            return [listen async for batch in self.store.listens() for listen in batch]

        return asyncio.run(everything())


def sums(summary: Summary) -> tuple[int, int, int, int]:
    """Read, stored, duplicate, rejected."""
    return summary.read, summary.stored, summary.duplicate, summary.rejected


def reasons(house: House) -> list[str]:
    """Why rows were rejected, in the order of the file."""
    return [msgspec.json.decode(row)["reason"] for row in house.rejects.read_bytes().splitlines()]
