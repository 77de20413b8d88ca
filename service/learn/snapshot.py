r"""Snapshots of the learner: state and place in one checksummed file, the newest whole one counts.

A file is `ETLEARN\n`, SHA-256 of all that follows, four bytes with the length of the header, the
header (JSON) and the arrays it names, each as the bytes of a .npy file. It is written to a
temporary file, synced, renamed, and the folder synced, so a crash leaves the old ones. A loader
believes the header inside, not the name outside, and nothing whose checksum is not right.

An fsync that failed is never tried again on the same file (Rebello et al., "Can applications
recover from fsync failures?", 2020): the next snapshot is another file.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np
import structlog
from msgspec import Struct
from numpy.typing import NDArray

from service import metrics
from service.disk import sync_folder

log = structlog.get_logger()

MAGIC = b"ETLEARN\n"
FORMAT = 1
KEPT = 5
DIGEST, LENGTH = 32, 4
MOST_HEADER = 1 << 20
PIECE = 1 << 20
Arrays = Mapping[str, NDArray[np.generic]]


class SnapshotFailed(Exception):
    """What was learned could not be saved: after a restart it is learned from the events again."""


class Header(Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself. Term and number order them: a later holder's are newer."""

    format: int
    term: int  # of the lease it was made under
    number: int
    place: str  # in the stream: everything up to it is in here
    mark: str  # in the store's log, likewise
    parent: str  # SHA-256 of the snapshot before, "" for the first
    length: int  # bytes of what is in the arrays
    about: dict[str, Any]  # of the state, besides arrays
    arrays: list[str]


class Snapshots:
    """The snapshots in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(
        self,
        arrays: Arrays,
        about: dict[str, Any],
        *,
        term: int,
        place: str,
        mark: str,
        alone: bool = False,
    ) -> Header:
        """Write the next one and keep the newest few; returns once it was read back whole.

        `alone`: no other is kept, since they know somebody who is to be forgotten.

        Raises:
            SnapshotFailed: it could not be written, or somebody with a later lease has written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            latest = next((known for known in self._known() if _whole(known[1])), None)
            if latest is not None and latest[0].term > term:
                metrics.SNAPSHOTS_REFUSED.inc()
                raise SnapshotFailed("another process has learned on: this one comes too late")
            header = Header(
                format=FORMAT,
                term=term,
                number=latest[0].number + 1 if latest else 1,
                place=place,
                mark=mark,
                parent=latest[2].hex() if latest else "",
                length=sum(int(array.nbytes) for array in arrays.values()),
                about=about,
                arrays=list(arrays),
            )
            path = self._write(header, arrays.values())
        except OSError as error:
            metrics.SNAPSHOTS_FAILED.inc()
            raise SnapshotFailed(f"the snapshot was not written: {error.strerror}") from error
        if not _whole(path):
            metrics.SNAPSHOTS_FAILED.inc()
            raise SnapshotFailed("the snapshot does not read back as it was written")
        others = [known for known in self._known() if known[1] != path]
        for _, old, _ in others if alone else others[KEPT - 1 :]:
            old.unlink(missing_ok=True)
        metrics.SNAPSHOT_SAVED.set_to_current_time()
        return header

    def load(self) -> tuple[Header, dict[str, NDArray[Any]]] | None:
        """The newest snapshot that is whole; None when there is none."""
        for left in self._folder.glob(".*.tmp"):  # by a process that was killed
            left.unlink(missing_ok=True)
        for path in self._unreadable():
            _refuse(path)
        for header, path, _ in self._known():
            if not _whole(path):
                _refuse(path)
                continue
            try:
                return header, _arrays(path, header)
            except (OSError, ValueError, EOFError):
                _refuse(path)
        return None

    def last_term(self) -> int:
        """The term of the newest one, whole or not; 0 without."""
        known = self._known()
        return known[0][0].term if known else 0

    def _known(self) -> list[tuple[Header, Path, bytes]]:
        """What has a header that can be read, the newest first, and the checksum each names."""
        found = ((_head(path), path) for path in self._folder.glob("*.snapshot"))
        known = [(head[0], path, head[1]) for head, path in found if head is not None]
        return sorted(known, key=lambda one: (one[0].term, one[0].number), reverse=True)

    def _unreadable(self) -> list[Path]:
        return [path for path in sorted(self._folder.glob("*.snapshot")) if _head(path) is None]

    def _write(self, header: Header, arrays: Iterable[NDArray[np.generic]]) -> Path:
        path = self._folder / f"{header.term:010d}-{header.number:010d}.snapshot"
        making = self._folder / f".{path.name}.tmp"
        try:
            with making.open("wb") as file:
                file.write(MAGIC + bytes(DIGEST))
                out = _Hashed(file)
                encoded = msgspec.json.encode(header)
                out.write(len(encoded).to_bytes(LENGTH, "big") + encoded)
                for array in arrays:
                    np.lib.format.write_array(out, np.ascontiguousarray(array), allow_pickle=False)
                file.seek(len(MAGIC))
                file.write(out.digest())
                file.flush()
                os.fsync(file.fileno())
            making.rename(path)
            sync_folder(self._folder)
        except OSError:
            making.unlink(missing_ok=True)
            raise
        return path


class _Hashed:
    """A file that is hashed as it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, part: bytes) -> int:
        self._hash.update(part)
        return self._file.write(part)

    def digest(self) -> bytes:
        return self._hash.digest()


def _head(path: Path) -> tuple[Header, bytes] | None:
    """The header and the checksum; nothing vouches for them yet."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + DIGEST + LENGTH)
            length = int.from_bytes(start[-LENGTH:], "big")
            if not start.startswith(MAGIC) or length > MOST_HEADER:
                return None
            header = msgspec.json.decode(file.read(length), type=Header)
    except (OSError, msgspec.DecodeError):
        return None
    checksum = start[len(MAGIC) : len(MAGIC) + DIGEST]
    return (header, checksum) if header.format == FORMAT else None


def _whole(path: Path) -> bool:
    """Whether everything is as it was written."""
    hashed = hashlib.sha256()
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC) + DIGEST)
            while piece := file.read(PIECE):
                hashed.update(piece)
    except OSError:
        return False
    return start == MAGIC + hashed.digest()


def _arrays(path: Path, header: Header) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:
        start = file.read(len(MAGIC) + DIGEST + LENGTH)
        file.seek(int.from_bytes(start[-LENGTH:], "big"), os.SEEK_CUR)
        return {name: np.lib.format.read_array(file, allow_pickle=False) for name in header.arrays}


def _refuse(path: Path) -> None:
    metrics.SNAPSHOTS_REFUSED.inc()
    log.warning("snapshot left out: it is not whole", snapshot=path.name)
