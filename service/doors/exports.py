"""Everything a store holds that cannot be derived again, as a folder of JSON lines.

`tracks` in row order, `aliases`, `users` (what they said of themselves), `experiments` and
`listens`, each gzipped, and a manifest with counts and SHA-256 that is written last. The same
content gives the same bytes, whichever store it came from. Revs, profiles and neighbours stay
behind: they are made anew.
"""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from service.domain import Experiment, Listen, Track, User, UserSettings, is_somebody
from service.errors import Conflict, Invalid, UnusableFile
from service.store import Store

FORMAT = 2
MANIFEST = "manifest.json"
PARTS = ("tracks", "aliases", "users", "experiments", "listens")
BY_FORMAT = {1: set(PARTS) - {"experiments"}, FORMAT: set(PARTS)}
"""The files of an export; the ones of older releases are still read."""
BATCH = 5_000
USERS_AT_ONCE = 256
LEVEL = 6
Progress = Callable[[int], object]


class Alias(Struct, frozen=True):
    """One way to find a track."""

    kind: str
    value: str
    track_id: str


class Said(Struct, frozen=True, omit_defaults=True):
    """A user, as far as the user decides it."""

    id: str
    settings: UserSettings


KINDS = {
    "tracks": Track,
    "aliases": Alias,
    "users": Said,
    "experiments": Experiment,
    "listens": Listen,
}


class Part(Struct, frozen=True):
    """What the manifest says of one file."""

    rows: int
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True):
    """Vouches for every file of an export."""

    format: int
    parts: dict[str, Part]

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(part.rows for part in self.parts.values())


async def write_export(store: Store, folder: Path, *, on_progress: Progress) -> Manifest:
    """Write everything below `folder`, which must not hold anything yet.

    Raises:
        Invalid: the folder is not empty, or cannot be written.
    """
    try:
        _make(folder)
        parts, done = {}, 0
        for name in PARTS:
            parts[name] = await _write(folder, name, rows_of(store, name), done, on_progress)
            done += parts[name].rows
        manifest = Manifest(FORMAT, parts)
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    except OSError as error:
        raise Invalid(f"{folder} cannot be written: {error.strerror}") from error
    return manifest


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Invalid(f"{folder} is not empty; name a new folder")


async def rows_of(store: Store, name: str) -> AsyncIterator[Sequence[object]]:
    """Everything of one part, in its order, in batches."""
    if name == "tracks":
        yield await store.tracks()
    elif name == "aliases":
        async for aliases in store.aliases(batch=BATCH):
            yield [Alias(*alias) for alias in aliases]
    elif name == "users":
        async for users in store.users(batch=BATCH):
            yield [_said(user) for user in users if is_somebody(user.id)]
    elif name == "experiments":
        yield [msgspec.structs.replace(one, rev=0) for one in await store.experiments()]
    else:
        async for listens in store.listens(batch=BATCH):
            yield [listen for listen in listens if is_somebody(listen.user_id)]


async def _write(
    folder: Path,
    name: str,
    batches: AsyncIterator[Sequence[object]],
    done: int,
    on_progress: Progress,
) -> Part:
    path, rows, encoder = _path(folder, name), 0, msgspec.json.Encoder()
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed,  # no name, no time: equal bytes
    ):
        async for batch in batches:
            for start in range(0, len(batch), BATCH):
                some = batch[start : start + BATCH]
                packed.write(b"".join(encoder.encode(row) + b"\n" for row in some))
                rows += len(some)
                on_progress(done + rows)
    return Part(rows, path.stat().st_size, _sha256(path))


def check_export(folder: Path) -> Manifest:
    """The manifest, when every file is what it says.

    Raises:
        UnusableFile: it is not; nothing was stored.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise UnusableFile(f"{folder} has no {MANIFEST}: no export, or one cut short") from error
    except (OSError, msgspec.DecodeError) as error:
        raise UnusableFile(f"{folder / MANIFEST} cannot be read: {error}") from error
    if manifest.parts.keys() != BY_FORMAT.get(manifest.format):
        raise UnusableFile(f"{folder} was written by another release")
    for name, part in manifest.parts.items():
        path = _path(folder, name)
        if not path.is_file() or part.sha256 != _sha256(path):
            raise UnusableFile(
                f"{path.name} is not the file that {MANIFEST} vouches for; export again"
            )
    return manifest


async def read_export(store: Store, folder: Path, *, on_progress: Progress) -> int:
    """Put an export into a store; how many listens were new. Doing so twice changes nothing.

    Tracks that the store lacks come after those it has, in the order of the export.

    Raises:
        UnusableFile: a file is not what the manifest says; nothing was stored.
        Conflict: somebody changed an experiment while this one came in.
    """
    manifest = check_export(folder)
    done = stored = 0
    for name in PARTS:
        for rows in _read(folder, name) if name in manifest.parts else ():
            stored += await bring(store, name, rows)
            on_progress(done := done + len(rows))
    return stored


async def bring(store: Store, name: str, rows: Sequence[Any]) -> int:
    """Put rows of one part into a store; how many listens were new.

    Raises:
        Conflict: somebody changed an experiment meanwhile.
    """
    if name == "tracks":
        await store.put_tracks(rows)
    elif name == "aliases":
        await store.put_aliases([(one.kind, one.value, one.track_id) for one in rows])
    elif name == "users":
        for start in range(0, len(rows), USERS_AT_ONCE):
            some = rows[start : start + USERS_AT_ONCE]
            await asyncio.gather(*(_settle(store, said) for said in some))
    elif name == "experiments":
        for experiment in rows:
            await _try(store, experiment)
    else:
        return sum((await store.append(rows)).stored)
    return 0


async def _settle(store: Store, said: Said) -> None:
    user = await store.user(said.id)
    if user is None or _said(user) != said:
        await store.put_user(said.id, said.settings)


async def _try(store: Store, experiment: Experiment) -> None:
    known = await store.experiment(experiment.name)
    rev = known.rev if known else 0
    if known == msgspec.structs.replace(experiment, rev=rev):
        return
    if await store.put_experiment(experiment, expected_rev=rev) is None:
        raise Conflict(f"experiment {experiment.name} was changed meanwhile; import again")


def _read(folder: Path, name: str) -> Iterator[list[Any]]:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(KINDS[name])
    batch = []
    with gzip.open(_path(folder, name)) as lines:
        for line in lines:
            batch.append(decoder.decode(line))
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _said(user: User) -> Said:
    parts: dict[str, Any] = {name: getattr(user, name) for name in UserSettings.__struct_fields__}
    return Said(user.id, UserSettings(**parts))


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl.gz"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
