"""A copy of everything a data folder holds, and back: store, models, what was learned, tombstones.

The store is copied last, of one moment and while it serves: what was learned before is never ahead
of the listens beside it. A manifest with SHA-256 is written at the end and vouches for every file.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from service.disk import sync_folder
from service.errors import Conflict, Invalid, UnusableFile
from service.learn import tombstones
from service.learn.tombstones import Graveyard, Tombstone
from service.model import anonymous
from service.store import Store

FORMAT = 1
MANIFEST = "backup.json"
STORE = "echotune.db"
MODELS, LEARNER = "models", "learner"
PARTS = (STORE, f"{STORE}-wal", f"{STORE}-shm", MODELS, LEARNER)
"""What a restore replaces; compiled kernels stay."""


class CopiedFile(Struct, frozen=True):
    """What the manifest says of one file."""

    bytes: int
    sha256: str


class Manifest(Struct, frozen=True):
    """Vouches for a backup. Whoever was erased after `taken_at` does not come back from it."""

    format: int
    taken_at: datetime
    files: dict[str, CopiedFile]  # by path inside of the backup


def write_backup(
    home: Path, folder: Path, copy_store: Callable[[Path], None], *, now: datetime
) -> Manifest:
    """Copy what is in `home` into `folder`, which must not hold anything yet.

    Raises:
        Invalid: the folder is not empty, or cannot be written.
        StoreUnavailable: the store cannot be copied.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Invalid(f"{folder} is not empty; name a new folder")
        for name in (MODELS, LEARNER):
            _copy_tree(home / name, folder / name)
        copy_store(folder / STORE)
        if (home / tombstones.FILE).exists():
            shutil.copyfile(home / tombstones.FILE, folder / tombstones.FILE)
        files = {}
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            files[path.relative_to(folder).as_posix()] = _synced(path)
        manifest = Manifest(FORMAT, now, files)
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        _synced(folder / MANIFEST)
        sync_folder(folder)
    except OSError as error:
        raise Invalid(f"{folder} cannot be written: {error.strerror}") from error
    return manifest


def check_backup(folder: Path) -> Manifest:
    """The manifest, when every file is what it says.

    Raises:
        UnusableFile: it is not.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        if manifest.format != FORMAT:
            raise UnusableFile(f"{folder} was written by another release")
        for name, said in manifest.files.items():
            if ".." in Path(name).parts or Path(name).is_absolute():
                raise UnusableFile(f"{folder / MANIFEST} names {name!r}, which is not inside of it")
            if _about(folder / name) != said:
                raise UnusableFile(f"{name} is not the file that {MANIFEST} vouches for")
    except FileNotFoundError as error:
        raise UnusableFile(f"{error.filename} is missing: no backup, or one cut short") from error
    except (OSError, msgspec.DecodeError) as error:
        raise UnusableFile(f"{folder} cannot be read: {error}") from error
    return manifest


def put_back(folder: Path, home: Path, *, force: bool, also: Path | None = None) -> Graveyard:
    """Put a backup into `home`; who of it was erased since, for `keep_erased`.

    Whoever runs on `home` has to be stopped before. `also`: tombstones kept somewhere else.

    Raises:
        UnusableFile: it is no backup, or not whole; nothing was changed.
        Conflict: there is something in `home`, and no `force`.
        Invalid: it cannot be written.
    """
    manifest = check_backup(folder)
    if not force and any((home / name).exists() for name in PARTS):
        raise Conflict(f"{home} holds a store or models: name another folder, or say --force")
    stones = _stones(folder, home, also)
    try:
        home.mkdir(parents=True, exist_ok=True)
        making = home / f".restore.{os.getpid()}.tmp"
        shutil.rmtree(making, ignore_errors=True)
        for name in manifest.files:
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, making / name)
            _synced(making / name)
        tombstones.write(making / tombstones.FILE, stones)
        for name in PARTS:
            _remove(home / name)
        for path in sorted(making.iterdir()):
            path.replace(home / path.name)
        making.rmdir()
        sync_folder(home)
    except OSError as error:
        raise Invalid(f"{home} cannot be written: {error.strerror}") from error
    return Graveyard(stones, after=manifest.taken_at)


async def keep_erased(store: Store, home: Path, erased: Graveyard) -> int:
    """Erase again whoever was erased after the backup; how many they are.

    What was learned by then knows them by digests: it is dropped, and learned again from listens.

    Raises:
        StoreUnavailable: do it again before anybody is served.
    """
    gone = [user.id async for users in store.users() for user in users if user.id in erased]
    for user_id in gone:
        await store.delete_user(user_id)
        anonymous.forget(home / MODELS, user_id)
    if gone:
        _remove(home / LEARNER)
    return len(gone)


def _stones(folder: Path, home: Path, also: Path | None) -> list[Tombstone]:
    paths = (folder / tombstones.FILE, home / tombstones.FILE, *([also] if also else []))
    if also is not None and not also.is_file():
        raise UnusableFile(f"{also} does not exist; check the path")
    return [stone for path in paths for stone in tombstones.read(path)]


def _copy_tree(source: Path, target: Path) -> None:
    """Copy what is whole; a version that is dropped meanwhile is left out."""
    for path in sorted(source.glob("[!.]*")) if source.is_dir() else ():
        target.mkdir(exist_ok=True)
        try:
            if path.is_dir():
                shutil.copytree(path, target / path.name)
            else:
                shutil.copyfile(path, target / path.name)
        except (FileNotFoundError, shutil.Error):
            _remove(target / path.name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _synced(path: Path) -> CopiedFile:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return _about(path)


def _about(path: Path) -> CopiedFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return CopiedFile(path.stat().st_size, sha256)
