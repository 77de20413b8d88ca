"""An export as one file: the same content, the same bytes, whole or not there at all."""

import asyncio
import gzip
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.doors import export_file, exports
from service.doors.export_file import check_file, read_file, write_file, write_lines
from service.doors.exports import write_export
from service.errors import Invalid, UnusableFile
from service.store.memory import MemoryStore
from tests.service.doors.test_exports import contents, fill, nothing
from tests.service.doors.test_listenbrainz_zip import LISTEN, TRACKS, filled
from tests.stores import ADAPTERS, opened

ROOT = Path(__file__).parents[3]
ROWS = {"tracks": 5, "aliases": 4, "users": 4, "experiments": 2, "listens": 41}


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
@pytest.mark.parametrize("target", ADAPTERS)
async def test_out_of_one_store_into_another_gives_the_same_bytes(
    request, tmp_path, target, name, monkeypatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 7)
    monkeypatch.setattr(export_file, "BATCH", 7)  # more than one batch of everything
    source = MemoryStore()
    await fill(source)
    first, second = tmp_path / name, tmp_path / f"again-{name}"
    written = await write_file(source, first, on_progress=nothing)
    async with opened(target, request, tmp_path) as store:
        new = await read_file(store, first, on_progress=nothing)
        again = await read_file(store, first, on_progress=nothing)
        await write_file(store, second, on_progress=nothing)
        await write_export(store, tmp_path / "two", on_progress=nothing)
    await write_export(source, tmp_path / "one", on_progress=nothing)

    assert (41, 0) == (new, again)
    assert ROWS == written == check_file(first).rows
    assert first.read_bytes() == second.read_bytes()
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@settings(max_examples=40)
@given(TRACKS, st.lists(LISTEN, max_size=30))
def test_whatever_was_listened_to_comes_back_to_the_byte(tracks, listens) -> None:
    async def check(folder: Path) -> None:
        one, other = await filled(tracks, listens), MemoryStore()
        first, second = folder / "first.jsonl", folder / "second.jsonl"
        await write_file(one, first, on_progress=nothing)
        new = await read_file(other, first, on_progress=nothing)
        await write_file(other, second, on_progress=nothing)

        assert len(listens) == new
        assert first.read_bytes() == second.read_bytes()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    store = MemoryStore()
    await fill(store)
    await write_file(store, tmp_path / "out.jsonl.gz", on_progress=nothing)
    return tmp_path / "out.jsonl.gz"


async def test_a_pipe_gets_the_same_lines(path) -> None:
    out, store = io.BytesIO(), MemoryStore()
    await fill(store)
    await write_lines(store, out, on_progress=nothing)

    assert gzip.decompress(path.read_bytes()) == out.getvalue()


async def test_progress_ends_at_the_number_of_rows(path) -> None:
    said: list[int] = []

    await read_file(MemoryStore(), path, on_progress=said.append)

    assert sorted(said) == said
    assert 56 == said[-1]


def cut(lines: bytes) -> bytes:
    return b"".join(lines.splitlines(keepends=True)[:-1])


def swap(lines: bytes) -> bytes:
    first, second, *rest = lines.splitlines(keepends=True)
    return b"".join([second, first, *rest])


def grow(lines: bytes) -> bytes:
    return lines + lines.splitlines(keepends=True)[0]


def flip(lines: bytes) -> bytes:
    return lines.replace("Ü".encode(), "Ä".encode(), 1)


@pytest.mark.parametrize("harm", [cut, swap, grow, flip])
async def test_a_file_that_was_changed_is_refused_before_anything_is_stored(path, harm) -> None:
    lines = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(harm(lines)))
    store = MemoryStore()

    with pytest.raises(UnusableFile):
        await read_file(store, path, on_progress=nothing)

    assert {"listens": 0, "tracks": 0, "users": 0} == await store.counts()


async def test_a_packed_file_cut_short_is_refused(path) -> None:
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(UnusableFile, match="cannot be read"):
        check_file(path)


class Failing(MemoryStore):
    """Its listens end in the middle."""

    async def listens(self, *, batch: int = 10_000):
        async for some in super().listens(batch=batch):
            yield some
            raise OSError(28, "No space left on device")


async def test_an_export_that_fails_leaves_the_one_before_and_no_rest(path) -> None:
    before, store = path.read_bytes(), Failing()
    await fill(store)

    with pytest.raises(Invalid, match="No space left"):
        await write_file(store, path, on_progress=nothing)

    assert before == path.read_bytes()
    assert [path.name] == [one.name for one in path.parent.iterdir()]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env=os.environ | {"ECHOTUNE_DATA_DIR": str(folder)},
        capture_output=True,
        check=True,
    )


async def test_the_command_writes_a_file_or_to_standard_output(path) -> None:
    """And keeps its own words out of the pipe."""
    home = path.parent / "data"
    told = run(home, "import", "echotune", str(path))
    piped = run(home, "export", "-")
    filed = run(home, "export", str(path.parent / "two.jsonl.gz"))

    assert b"41 listens were new" in told.stdout
    assert gzip.decompress(path.read_bytes()) == piped.stdout
    assert b"exported 5 tracks" in piped.stderr
    assert b"exported 5 tracks" in filed.stdout
    assert path.read_bytes() == (path.parent / "two.jsonl.gz").read_bytes()
