"""One file to import, read through once before anything is stored.

The first pass answers what would otherwise be found out halfway: whether the stream can be read to
its end, how many lines it has, whether it is text. What it holds is recognised by its first bytes,
so a `.csv` that is really a gzip works too.
"""

import codecs
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from msgspec import Struct

from service.errors import UnusableFile

MOST_BYTES = 8 << 30  # decompressed; a real catalogue of 10M tracks is about 2 GB
LONGEST_LINE = 64 << 20
CHUNK = 1 << 20
GZIP, ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BROKEN = (
    EOFError,
    OSError,
    RuntimeError,  # a zip member that needs a password, or (its subclass) an unknown compression
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class Source(Struct, frozen=True):
    """A file that was read to its end without an error. `name` is what messages call it."""

    path: Path
    member: str | None
    name: str
    lines: int
    size: int  # bytes, decompressed
    utf8: bool  # whether every byte of it is

    @contextmanager
    def bytes(self) -> Iterator[IO[bytes]]:
        """The decompressed bytes, line by line or whole."""
        with _opened(self.path, self.member, self.name) as stream:
            yield stream

    @contextmanager
    def text(self) -> Iterator[TextIO]:
        r"""The text without its BOM, line ends as they are; bytes that are no UTF-8 as \udcXX."""
        with (
            self.bytes() as stream,
            io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as text,
        ):
            yield text


def check(path: Path, *, known: Sequence[str] = (), member: str | None = None) -> Source:
    """Read all of `path`, or of this `member` of it when it is a zip.

    `known` are the names its format goes by inside a zip, best first.

    Raises:
        UnusableFile: not there, empty, binary, cut short, broken, or too large when unpacked.
    """
    member = member or _member(path, known)
    name = f"{path.name}/{member}" if member else path.name
    lines = size = line_start = 0
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    with _opened(path, member, name) as stream:
        for chunk in _chunks(stream, name):
            if size == 0:
                _refuse_binary(chunk, name)
            lines += chunk.count(b"\n") or chunk.count(b"\r")
            last_end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            line_start = size + last_end + 1 if last_end >= 0 else line_start
            size += len(chunk)
            _refuse_huge(name, size, size - line_start, lines)
            decoder = decoder if decoder and _decodes(decoder, chunk) else None
    if size == 0:
        raise UnusableFile(f"{name} is empty; check that the download or export was complete")
    utf8 = decoder is not None and _decodes(decoder, b"", final=True)
    return Source(path, member, name, lines + (line_start < size), size, utf8)


def _chunks(stream: IO[bytes], name: str) -> Iterator[bytes]:
    """Everything there is to read; an error tells how far it came."""
    read: Callable[[int], bytes] = getattr(stream, "read1")  # noqa: B009 - IO does not declare it
    lines = 0
    try:
        while chunk := read(CHUNK):
            yield chunk
            lines += chunk.count(b"\n")
    except BROKEN as error:
        raise _broken(name, error, f" near line {lines + 1:,}") from error


def members(path: Path) -> list[str]:
    """The files inside when `path` is a zip, else nothing."""
    if not _first_bytes(path).startswith(ZIP):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except BROKEN as error:
        raise _broken(path.name, error) from error
    return [name for name in names if not name.startswith("__MACOSX/")]


def _member(path: Path, known: Sequence[str]) -> str | None:
    if not _first_bytes(path).startswith(ZIP):
        return None
    names = members(path)
    by_name = {name.rsplit("/", 1)[-1].lower(): name for name in reversed(names)}
    for wanted in known:
        if wanted in by_name:
            return by_name[wanted]
    if len(names) == 1:
        return names[0]
    if not names:
        raise UnusableFile(f"{path.name} is a zip without a file in it; check the download")
    inside = ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "")
    wanted_names = f" and none is {' or '.join(known)}" if known else ""
    raise UnusableFile(
        f"{path.name} holds {len(names)} files{wanted_names}: {inside}."
        " Unpack it and import the one you mean"
    )


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise UnusableFile(f"{path} is a folder; name the file to import")
    try:
        with path.open("rb") as stream:
            return stream.read(4)
    except FileNotFoundError as error:
        raise UnusableFile(f"{path} does not exist; check the path") from error
    except (OSError, ValueError) as error:
        raise UnusableFile(f"{path} cannot be opened: {error}") from error


@contextmanager
def _opened(path: Path, member: str | None, name: str) -> Iterator[IO[bytes]]:
    """The bytes to read; an error while reading them becomes a sentence."""
    start = _first_bytes(path)
    stream: Any
    try:
        if member is not None:
            with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
                yield stream
        elif start.startswith(GZIP):
            with gzip.open(path) as stream:
                yield stream
        else:
            with path.open("rb") as stream:
                yield stream
    except BROKEN as error:
        raise _broken(name, error) from error


def _broken(name: str, error: Exception, where: str = "") -> UnusableFile:
    if isinstance(error, EOFError):
        why = f"is cut short{where}: the compressed stream ends before its end mark"
    elif isinstance(error, RuntimeError):
        why = f"cannot be unpacked ({error})"
    else:
        why = f"is broken{where} ({error})"
    return UnusableFile(f"{name} {why}; nothing was stored. Download or export it again")


def _refuse_binary(start: bytes, name: str) -> None:
    if start.startswith(UTF16):
        raise UnusableFile(f"{name} line 1: this is UTF-16 text; save it as UTF-8")
    if start.startswith((GZIP, *ZIP)):
        raise UnusableFile(f"{name} is packed twice; unpack it once and import what is inside")
    zero = start.find(b"\0", 0, 65_536)
    header = start.split(b"\n", 1)[0].split(b"\r", 1)[0]
    if zero >= 0 and (zero < len(header) or not _is_utf8(start)):
        line = start[:zero].count(b"\n") + 1
        raise UnusableFile(
            f"{name} line {line}: this is a binary file, not text; name the CSV, TSV or JSON export"
        )


def _refuse_huge(name: str, size: int, line_size: int, lines: int) -> None:
    if size > MOST_BYTES:
        raise UnusableFile(
            f"{name} unpacks to more than {MOST_BYTES >> 30} GiB, which looks like a zip bomb;"
            " split it into smaller files if it is not"
        )
    if line_size > LONGEST_LINE:
        raise UnusableFile(
            f"{name} line {lines + 1}: longer than {LONGEST_LINE >> 20} MiB, so this is not a table"
            " or JSON Lines; check the format"
        )


def _is_utf8(start: bytes) -> bool:
    return _decodes(codecs.getincrementaldecoder("utf-8")(), start)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True
