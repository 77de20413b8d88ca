"""The workers of one server, which tell each other what they measured in files of one folder.

Whichever of them is asked answers for all. Each counts in its own memory, so that an observation
costs what it costs in one process, and writes all of it down once a second: a kill loses what it
counted since, and as nothing but files is read, no counter goes back. A worker holds a lock as long
as it lives; the system lets go of it however the worker ends.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from threading import Event, Lock, Thread
from uuid import uuid4

import msgspec
from msgspec import Struct
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.merged import Family, families, lasting, merged, metrics_of

EVERY_S = 1.0
TOLD, ALIVE, ENDED, DOOR = ".told", ".alive", "ended", "door"
FOLDERS = "workers"

_encode = msgspec.msgpack.Encoder().encode
_told = msgspec.msgpack.Decoder(list[Family]).decode


class Ended(Struct, frozen=True):
    """What is left of workers that have ended, and their names: their own files count no more."""

    names: list[str]
    sums: list[Family]


_ended = msgspec.msgpack.Decoder(Ended).decode


class Siblings(Collector):
    """One worker among those of a folder; a collector of what all of them measured."""

    def __init__(self, folder: Path, registry: CollectorRegistry = REGISTRY) -> None:
        self._folder, self._registry = folder, registry
        self._name = f"{os.getpid()}-{uuid4().hex[:8]}"
        self._writing, self._stop = Lock(), Event()
        self._thread = Thread(target=self._write_often, name="siblings", daemon=True)
        self._alive: int | None = None

    def join(self) -> None:
        """Be one of them from now on."""
        with self._door(fcntl.LOCK_EX):
            self._fold()
            self._alive = _open(self._folder / f"{self._name}{ALIVE}")
            fcntl.flock(self._alive, fcntl.LOCK_EX)
            self.write()
        self._thread.start()

    def leave(self) -> None:
        """What was counted stays; gauges go."""
        self._stop.set()
        self._thread.join()
        self.write()
        if self._alive is not None:
            os.close(self._alive)

    def write(self) -> None:
        """Write down what this worker measured; what was written last stands on a full disk."""
        with self._writing, suppress(OSError):
            path = self._folder / f"{self._name}{TOLD}"
            new = path.with_suffix(".new")
            new.write_bytes(_encode(families(self._registry.collect())))
            new.replace(path)

    def collect(self) -> Iterable[Metric]:
        """All of them, this one as of now."""
        self.write()
        with self._door(fcntl.LOCK_SH):
            living, ended = self._read()
        return metrics_of(merged(living, ended))

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are those of the registry."""
        return ()

    def _write_often(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.write()

    @contextmanager
    def _door(self, how: int) -> Iterator[None]:
        """Who comes in is alone while it folds; who reads sees no half of that."""
        door = _open(self._folder / DOOR)
        try:
            fcntl.flock(door, how)
            yield
        finally:
            os.close(door)

    def _read(self) -> tuple[list[list[Family]], list[list[Family]]]:
        before = self._before()
        living: list[list[Family]] = []
        ended = [before.sums]
        for path in sorted(self._folder.glob(f"*{TOLD}")):
            if path.stem not in before.names:
                (living if _locked(path.with_suffix(ALIVE)) else ended).append(
                    _told(path.read_bytes())
                )
        return living, ended

    def _before(self) -> Ended:
        try:
            return _ended((self._folder / ENDED).read_bytes())
        except FileNotFoundError:
            return Ended([], [])

    def _fold(self) -> None:
        """Add up those that have ended into one file, or a server that often loses one has many."""
        _, ended = self._read()
        gone = [
            path for path in self._folder.glob(f"*{TOLD}") if not _locked(path.with_suffix(ALIVE))
        ]
        new = self._folder / f"{ENDED}.new"
        names = [path.stem for path in gone]
        new.write_bytes(_encode(Ended(names, lasting(merged([], ended)))))
        new.replace(self._folder / ENDED)
        for path in gone:
            path.unlink()
            path.with_suffix(ALIVE).unlink(missing_ok=True)


@contextmanager
def folder_of_workers(home: Path) -> Iterator[Path]:
    """A folder for the workers of one server, which goes with it; one that was killed left its."""
    folders = home / FOLDERS
    folders.mkdir(exist_ok=True)
    for left in folders.iterdir():
        if not _locked(left / ALIVE):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(dir=folders))
    alive = _open(folder / ALIVE)
    fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        os.close(alive)
        shutil.rmtree(folder, ignore_errors=True)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(path: Path) -> bool:
    """Whether somebody holds this lock."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
