"""An export as one file of JSON lines, for a pipe or a shelf.

Each line is a row under the name of its part, {"tracks": {…}}; the last one, {"end": {…}}, vouches
for all before it. The same content gives the same bytes.
"""

import gzip
import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from service.disk import sync_folder
from service.domain import Experiment, Listen, Track
from service.doors.exports import BATCH, FORMAT, LEVEL, PARTS, Alias, Said, bring, rows_of
from service.errors import Invalid, UnusableFile
from service.store import Store

Progress = Callable[[int], object]


class Out(Protocol):
    """Where lines go."""

    def write(self, data: bytes, /) -> object:
        """Take all of them."""
        ...


class End(Struct, frozen=True):
    """What the last line says."""

    format: int
    rows: dict[str, int]
    sha256: str  # of all lines before it


class Line(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One row of one part."""

    tracks: Track | None = None
    aliases: Alias | None = None
    users: Said | None = None
    experiments: Experiment | None = None
    listens: Listen | None = None
    end: End | None = None


async def write_lines(store: Store, out: Out, *, on_progress: Progress) -> dict[str, int]:
    """Write everything in the store; how many rows each part has."""
    encode, digest = msgspec.json.Encoder().encode, hashlib.sha256()
    rows: Counter[str] = Counter(dict.fromkeys(PARTS, 0))
    for name in PARTS:
        before = f'{{"{name}":'.encode()
        async for batch in rows_of(store, name):
            for start in range(0, len(batch), BATCH):
                some = batch[start : start + BATCH]
                lines = b"".join(before + encode(row) + b"}\n" for row in some)
                digest.update(lines)
                out.write(lines)
                rows[name] += len(some)
                on_progress(rows.total())
    out.write(encode(Line(end=End(FORMAT, dict(rows), digest.hexdigest()))) + b"\n")
    return dict(rows)


async def write_file(store: Store, path: Path, *, on_progress: Progress) -> dict[str, int]:
    """Write everything to `path`, packed when it ends in .gz; it is there whole or as it was.

    Raises:
        Invalid: it cannot be written.
    """
    making = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with making.open("xb") as raw:
                if path.suffix == ".gz":  # no name, no time: equal bytes
                    with gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed:
                        rows = await write_lines(store, packed, on_progress=on_progress)
                else:
                    rows = await write_lines(store, raw, on_progress=on_progress)
                raw.flush()
                os.fsync(raw.fileno())
            making.replace(path)
            sync_folder(path.parent)
        finally:
            making.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
    return rows


def check_file(path: Path) -> End:
    """The last line, when all before it is what it says.

    Raises:
        UnusableFile: it is not; nothing was stored.
    """
    digest, last, lines = hashlib.sha256(), b"", 0
    with _opened(path) as file:
        for line in file:
            digest.update(last)
            last, lines = line, lines + 1
    try:
        end = msgspec.json.decode(last, type=Line).end
    except msgspec.DecodeError:
        end = None
    if end is None:
        raise UnusableFile(f"{path.name} has no last line: no export, or one cut short")
    if end.format != FORMAT:
        raise UnusableFile(f"{path.name} was written by another release")
    if end.sha256 != digest.hexdigest() or sum(end.rows.values()) != lines - 1:
        raise UnusableFile(f"{path.name} is not what its last line vouches for; export again")
    return end


async def read_file(store: Store, path: Path, *, on_progress: Progress) -> int:
    """Put an export into a store; how many listens were new. Doing so twice changes nothing.

    Raises:
        UnusableFile: it is not what its last line says; nothing was stored.
        Conflict: somebody changed an experiment while this one came in.
    """
    check_file(path)
    done = stored = 0
    for name, rows in _batches(path):
        stored += await bring(store, name, rows)
        on_progress(done := done + len(rows))
    return stored


def _batches(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """Rows of one part together, at most BATCH."""
    decoder, name, batch = msgspec.json.Decoder(Line), "", list[Any]()
    with _opened(path) as file:
        for text in file:
            line = decoder.decode(text)
            if line.end is not None:
                break
            of, row = next((part, one) for part in PARTS if (one := getattr(line, part)))
            if batch and (of != name or len(batch) == BATCH):
                yield name, batch
                batch = []
            name = of
            batch.append(row)
    if batch:
        yield name, batch


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise UnusableFile(f"{path.name} cannot be read: {error}") from error
