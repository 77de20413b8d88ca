"""From one store into another and back: nothing lost, the same bytes."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from service.domain import (
    Blocked,
    Experiment,
    Features,
    Flag,
    Listen,
    Preferences,
    Track,
    UserSettings,
    Variant,
)
from service.doors import exports
from service.doors.exports import read_export, write_export
from service.errors import Invalid, UnusableFile
from service.store import Store
from service.store.memory import MemoryStore
from tests.stores import ADAPTERS, opened

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
ARMS = Variant(name="control"), Variant(name="ü".encode().hex(), settings={"balance": 0.5})
TRIED = Experiment(name="tried", variants=ARMS, status="stopped", starts=AT.replace(microsecond=7))
FLAGS: dict[int, Flag] = {7: "clamped", 8: "late"}


async def fill(store: Store) -> None:
    names = ["z", "a", "m", "b"]
    tracks = [
        Track(id=name, title=f"Ü {name}", artist="A", album="x" * n) for n, name in enumerate(names)
    ]
    rich = Track(
        id="rich", title="T", artist="A", genres=("pop", "Ж"),
        features=Features(energy=0.25, tempo=120.0),
        duration_ms=1000, released="2020-01", explicit=True, popularity=5.0,
        aliases={"spotify": "S1", "a.b": "$x", "isrc": "I1"},
    )  # fmt: skip
    await store.put_tracks([*tracks, rich])
    await store.put_tracks([Track(id="z", title="T", artist="A", aliases={"isrc": "old"})])
    await store.put_tracks([Track(id="z", title="T", artist="A")])  # its alias stays
    await store.put_aliases([("isrc", "I1", "m")])  # merged away
    await store.put_user(
        "silent", UserSettings(timezone="Asia/Tokyo", blocked=Blocked(artists=("Ö",)))
    )
    await store.put_user("u1", UserSettings(preferences=Preferences(explicit=False)))
    await store.put_experiment(Experiment(name="b", variants=ARMS), expected_rev=0)
    await store.put_experiment(Experiment(name="tried", variants=ARMS), expected_rev=0)
    await store.put_experiment(TRIED, expected_rev=1)
    await store.append(
        [
            Listen(id=f"{n}", user_id=f"u{n % 3}", track_id="a", plays=n + 1,
                   at=AT.replace(microsecond=n * 1000), flag=FLAGS.get(n, UNSET))
            for n in range(40)
        ]
        + [
            Listen(id="full", user_id="u1", track_id="m", action="rating", rating=4.5, at=AT,
                   timed=False, ms_played=7, source="web", device="phone",
                   context="workout", list_id="L")
        ]
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def nothing(_: int) -> None:
    return None


@pytest.mark.parametrize("target", ADAPTERS)
@pytest.mark.parametrize("source", ["memory", "sqlite", "motor"])
async def test_out_of_one_store_into_another_gives_the_same_bytes(
    request, tmp_path, source, target, monkeypatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 7)  # more than one batch of everything
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with opened(source, request, tmp_path / "one") as store:
        await fill(store)
        written = await write_export(store, tmp_path / "first", on_progress=nothing)
        rows = [track.id for track in await store.tracks()]
    async with opened(target, request, tmp_path / "two") as store:
        new = await read_export(store, tmp_path / "first", on_progress=nothing)
        again = await read_export(store, tmp_path / "first", on_progress=nothing)
        await write_export(store, tmp_path / "second", on_progress=nothing)
        aliases = await store.resolve("isrc", ["I1", "old"])
        assert rows == [track.id for track in await store.tracks()]
        tried = await store.experiment("tried")

    assert msgspec.structs.replace(TRIED, rev=1) == tried
    assert (41, 0) == (new, again)
    assert {"I1": "m", "old": "z"} == aliases
    assert {"tracks": 5, "aliases": 4, "users": 4, "experiments": 2, "listens": 41} == {
        name: part.rows for name, part in written.parts.items()
    }
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    store = MemoryStore()
    await fill(store)
    await write_export(store, tmp_path / "out", on_progress=nothing)
    return tmp_path / "out"


async def test_a_second_import_raises_no_rev(folder) -> None:
    store = MemoryStore()
    await read_export(store, folder, on_progress=nothing)
    before = await store.user("u1")

    await read_export(store, folder, on_progress=nothing)

    assert before == await store.user("u1")


async def test_progress_ends_at_the_number_of_rows(folder) -> None:
    said: list[int] = []

    await read_export(MemoryStore(), folder, on_progress=said.append)

    assert sorted(said) == said
    assert 56 == said[-1] == exports.check_export(folder).rows


@pytest.mark.parametrize("name", exports.PARTS)
async def test_a_file_that_was_changed_is_refused_before_anything_is_stored(folder, name) -> None:
    with gzip.open(folder / f"{name}.jsonl.gz", "ab") as stream:
        stream.write(b"{}\n")
    store = MemoryStore()

    with pytest.raises(UnusableFile, match=f"{name}.jsonl.gz is not the file"):
        await read_export(store, folder, on_progress=nothing)

    assert {"listens": 0, "tracks": 0, "users": 0} == await store.counts()


async def test_an_export_of_a_release_without_experiments_is_read(folder) -> None:
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    del manifest["parts"]["experiments"]
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest | {"format": 1}))
    (folder / "experiments.jsonl.gz").unlink()
    store = MemoryStore()

    assert 41 == await read_export(store, folder, on_progress=nothing)
    assert [] == await store.experiments()


async def test_an_import_keeps_what_is_told_of_an_experiment_once(folder) -> None:
    store = MemoryStore()
    await store.put_experiment(Experiment(name="tried", variants=ARMS), expected_rev=0)
    await read_export(store, folder, on_progress=nothing)
    await read_export(store, folder, on_progress=nothing)

    assert msgspec.structs.replace(TRIED, rev=2) == await store.experiment("tried")


async def test_an_export_cut_short_is_refused(folder) -> None:
    (folder / "manifest.json").unlink()

    with pytest.raises(UnusableFile, match="no export, or one cut short"):
        await read_export(MemoryStore(), folder, on_progress=nothing)


async def test_a_folder_with_something_in_it_is_left_alone(folder) -> None:
    before = contents(folder)

    with pytest.raises(Invalid, match="is not empty"):
        await write_export(MemoryStore(), folder, on_progress=nothing)

    assert before == contents(folder)
