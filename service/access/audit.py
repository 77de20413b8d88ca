"""What was done with rights and what was refused, in lines that nobody changes unseen.

Each line holds the hash of itself and the line before. A line that is changed, taken out or put in
between breaks the chain from there on; of lines cut off at the end only a copy of the last hash
tells, so `verify` prints it. One chain per process, since two cannot append to one.
"""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from service.disk import sync_folder

log = structlog.get_logger()

START = "0" * 64
FILE_BYTES = 16 << 20
MOST_WAITING = 1_000
"""Lines that are not on disk yet: a flood of refusals is counted from there on, not written."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line. `who`: the id of a key. `what`: method and route; never an id or a value of it."""

    at: datetime
    who: str = ""
    what: str = ""
    outcome: int = 0
    source: str = ""
    uncounted: int = 0  # lines like this that were not written, for there were too many
    follows: str = ""  # the file of which this one is the continuation


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry in its place."""

    entry: Entry
    hash: str


def chained(before: str, entry: Entry) -> str:
    """The hash of an entry that comes after the one with the hash `before`."""
    return sha256(before.encode() + msgspec.json.encode(entry)).hexdigest()


class Audit:
    """The lines of this process. Files are made with the first of them."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        file_bytes: int = FILE_BYTES,
    ) -> None:
        self._folder, self._now, self._file_bytes = folder, now, file_bytes
        self._path: Path | None = None
        self._hash, self._size, self._files = START, 0, 0
        self._waiting: list[Entry] = []
        self._uncounted = 0
        self._writing: asyncio.Task[None] | None = None

    def note(self, who: str, what: str, outcome: int, source: str) -> None:
        """Write it down, soon; never waits and never fails."""
        if len(self._waiting) >= MOST_WAITING:
            self._uncounted += 1
            return
        self._waiting.append(
            Entry(at=self._now(), who=who, what=what, outcome=outcome, source=source)
        )
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Everything noted is on disk."""
        while self._waiting or self._uncounted:
            if self._writing is None or self._writing.done():
                self._writing = asyncio.create_task(self._write())
            await self._writing
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting or self._uncounted:
            entries, self._waiting = self._waiting, []
            if self._uncounted:
                entries.append(Entry(at=self._now(), uncounted=self._uncounted))
                self._uncounted = 0
            try:
                await asyncio.to_thread(self._append, entries)
            except OSError as error:  # requests go on: the log of the service says it
                log.exception("could not write the audit log", reason=error.strerror)

    def _append(self, entries: list[Entry]) -> None:
        if self._path is None or self._size >= self._file_bytes:
            entries = [Entry(at=self._now(), follows=self._begin()), *entries]
        if self._path is None:  # _begin has made it
            return
        last, lines = self._hash, bytearray()
        for entry in entries:
            last = chained(last, entry)
            lines += msgspec.json.encode(Line(entry, last)) + b"\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            written = os.write(descriptor, lines)
            if written != len(lines):
                os.ftruncate(descriptor, self._size)
                raise OSError(f"{written} of {len(lines)} bytes")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._hash, self._size = last, self._size + len(lines)

    def _begin(self) -> str:
        """Another file; the name of the one before."""
        before = self._path.name if self._path else ""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files += 1
        stamp = self._now().strftime("%Y%m%dT%H%M%S%f")
        self._path = self._folder / f"{stamp}-{os.getpid()}-{self._files}.jsonl"
        self._path.touch(mode=0o600, exist_ok=False)
        sync_folder(self._folder)
        self._size = 0
        return before


def verify(folder: Path) -> list[tuple[str, int, str, str]]:
    """(file, lines, last hash, what is wrong with it or "") of every file, oldest first."""
    ends: dict[str, str] = {}
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        count, last, wrong = _read(path, ends)
        ends[path.name] = last
        found.append((path.name, count, last, wrong))
    return found


def _read(path: Path, ends: dict[str, str]) -> tuple[int, str, str]:
    last, count = START, 0
    for raw in path.read_bytes().splitlines():
        try:
            line = msgspec.json.decode(raw, type=Line)
        except msgspec.DecodeError:
            return count, last, f"line {count + 1} is none"
        if count == 0 and line.entry.follows:
            if line.entry.follows not in ends:
                return count, last, f"{line.entry.follows}, which it follows, is gone"
            last = ends[line.entry.follows]
        if chained(last, line.entry) != line.hash:
            return count, last, f"line {count + 1} is not what was written after line {count}"
        last, count = line.hash, count + 1
    return count, last, ""
