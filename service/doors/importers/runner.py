"""Rows into the store, in batches, the same way as over HTTP; every row is accounted for."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Self

import msgspec
from msgspec import Struct

from service.domain import Listen, Track
from service.doors.identity import Claim, Resolver
from service.doors.importers.recording import identified
from service.doors.importers.row import UNKNOWN, Row, excerpt
from service.errors import Invalid
from service.learn.ingest import Ingest
from service.learn.shelf import Shelf
from service.store import Store

BATCH = 5_000


class Summary(Struct):
    """What became of the rows: read = stored + duplicate + rejected, always.

    An unchanged track, and a row that only adds to a track of another row, count as duplicate.
    `created` are tracks that no row describes but listens name; they come on top.
    """

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    created: int = 0
    tracks: int = 0  # of `stored`
    listens: int = 0  # of `stored`
    rejects: Path | None = None  # where the rejected rows went, if there are any

    @property
    def usable(self) -> bool:
        """Whether anything in the file was good for something."""
        return self.stored + self.duplicate > 0


async def run(
    rows: Iterable[Row],
    store: Store,
    shelf: Shelf,
    ingest: Ingest,
    *,
    known: set[str],
    resolver: Callable[[], Awaitable[Resolver]],
    rejects: Path | None = None,
    prepare: Callable[[Sequence[Row]], Awaitable[None]] | None = None,
    on_progress: Callable[[Summary], object] = lambda _: None,
) -> Summary:
    """Store all rows that can be stored.

    `known` are the ids of the catalogue's tracks, and grows with it. `resolver` is asked for once,
    when the first row names what was heard. `prepare` sees each batch before it is stored.

    Raises:
        Invalid: the rejects file cannot be written.
        StoreUnavailable, BusUnavailable, Overloaded: what was stored so far stays; importing the
            same file again is harmless, and tells everybody of what they were not told.
    """
    summary, resolving = Summary(), None
    with _Rejects(rejects) as refused:
        stream = iter(rows)
        while batch := list(islice(stream, BATCH)):
            summary.read += len(batch)
            if prepare is not None:
                await prepare(batch)
            if any(row.of for row in batch):
                resolving = resolving or await resolver()
                batch = await identified(batch, resolving, known)
                summary.created += _learn(batch, known)
            reasons = [(row, row.made) for row in batch if isinstance(row.made, str)]
            summary.duplicate += sum(row.made is None for row in batch)
            await _put_tracks(batch, store, shelf, summary, known)
            reasons += await _take(batch, ingest, summary)
            summary.rejected += len(reasons)
            summary.rejects = refused.write(reasons)
            on_progress(summary)
    return summary


def _learn(batch: Iterable[Row], known: set[str]) -> int:
    """Tracks that names led to and that are known from now on; how many."""
    named = {
        row.made.track_id
        for row in batch
        if isinstance(row.of, Claim) and isinstance(row.made, Listen)
    }
    new = len(named - known)
    known |= named
    return new


async def _put_tracks(
    batch: list[Row],
    store: Store,
    shelf: Shelf,
    summary: Summary,
    known: set[str],
) -> None:
    bare = {row.bare.id: row.bare for row in batch if row.bare}
    bare = {track.id: track for track in bare.values() if await store.track(track.id) is None}
    if bare:
        summary.created += sum(await shelf.put(list(bare.values())))
    tracks = [row.made for row in batch if isinstance(row.made, Track)]
    better = [track for track in tracks if not await _is_named(track, store)]
    stored = sum(await shelf.put(better)) if better else 0
    summary.stored += stored
    summary.tracks += stored
    summary.duplicate += len(tracks) - stored
    known |= bare.keys() | {track.id for track in tracks}


async def _is_named(track: Track, store: Store) -> bool:
    """Whether storing `track`, which nobody named, would take a name away."""
    if track.artist != UNKNOWN:
        return False
    known = await store.track(track.id)
    return known is not None and known.artist != UNKNOWN


async def _take(batch: list[Row], ingest: Ingest, summary: Summary) -> list[tuple[Row, str]]:
    listened = [(row, row.made) for row in batch if isinstance(row.made, Listen)]
    if not listened:
        return []
    receipt = await ingest.take([listen for _, listen in listened])
    summary.stored += receipt.accepted
    summary.listens += receipt.accepted
    summary.duplicate += receipt.duplicates
    return [(listened[one.index][0], one.error) for one in receipt.rejected]


class _Rejects:
    """A file of rejected rows, made when there is the first one; an older one is removed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with self._writable():
            if self._path:
                self._path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def write(self, reasons: list[tuple[Row, str]]) -> Path | None:
        """Add the rows in the order of their lines; the path once there is a file."""
        if self._path and reasons:
            with self._writable():
                if self._stream is None:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    self._stream = self._path.open("wb")
                self._stream.writelines(_lines(reasons))
        return self._path if self._stream else None

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Invalid(
                f"rejected rows cannot be written: {error};"
                " set ECHOTUNE_DATA_DIR to a folder where they can"
            ) from error


def _lines(reasons: list[tuple[Row, str]]) -> Iterator[bytes]:
    for row, reason in sorted(reasons, key=lambda one: (one[0].source, one[0].line)):
        reject = {
            "source": row.source,
            "line": row.line,
            "reason": reason,
            "row": excerpt(row.raw),
        }
        yield msgspec.json.encode(reject) + b"\n"
