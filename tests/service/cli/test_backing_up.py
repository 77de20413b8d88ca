"""A backup put back is what was there, to the digest; whoever was erased stays gone."""

import asyncio
import sqlite3
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from service.cli.backing_up import backup, restore
from service.doors.exports import write_export
from service.learn import tombstones
from service.learn.snapshot import Snapshots
from service.model import files
from service.store.sqlite import SqliteStore
from service.store.sqlite_backup import copy
from tests import worlds
from tests.service import given

GONE = "jazz-u3"
OF_ONE = "SELECT count(*) FROM listens WHERE user_id = ?"


async def fill(home: Path) -> None:
    store = SqliteStore(home / "echotune.db")
    await store.put_tracks(worlds.tracks())
    await store.append(worlds.listens())
    await store.close()
    known = given.catalogue()
    ids = [brief.id for brief in known.briefs]
    files.save(given.model(known), ids, home / "models")
    files.activate(home / "models", "v1")
    Snapshots(home / "learner").save({}, {}, term=1, place="0-0", mark="")
    (home / "kernels").mkdir()
    (home / "kernels" / "x").write_text("compiled again anywhere")


def digests(home: Path) -> dict[str, str]:
    """Of every file but the store, and of everything in the store."""
    found = {
        path.relative_to(home).as_posix(): sha256(path.read_bytes()).hexdigest()
        for part in ("models", "learner")
        for path in sorted((home / part).rglob("*"))
        if path.is_file()
    }
    return found | asyncio.run(contents(home))


async def contents(home: Path) -> dict[str, str]:
    store = SqliteStore(home / "echotune.db")
    target = home.parent / f"export-{len(list(home.parent.iterdir()))}"
    manifest = await write_export(store, target, on_progress=lambda _: None)
    await store.close()
    with sqlite3.connect(home / "echotune.db") as connection:
        revs = connection.execute("SELECT id, rev FROM users ORDER BY id").fetchall()
    return {name: part.sha256 for name, part in manifest.parts.items()} | {"revs": repr(revs)}


@pytest.mark.parametrize("target", ["folder", "one.tar", "one.tar.gz"])
def test_what_is_put_back_is_what_was_there(echotune, tmp_path, target: str) -> None:
    asyncio.run(fill(tmp_path / "data"))
    before = digests(tmp_path / "data")

    assert 0 == echotune(backup, tmp_path / target)[0]
    assert 0 == echotune(restore, tmp_path / target, home="other")[0]
    assert before == digests(tmp_path / "other")
    assert not (tmp_path / "other" / "kernels").exists()
    assert {"data", "other", target} == {
        one.name for one in tmp_path.iterdir() if not one.name.startswith("export-")
    }


def test_a_folder_that_holds_something_is_not_overwritten_unasked(echotune, tmp_path) -> None:
    asyncio.run(fill(tmp_path / "data"))
    echotune(backup, tmp_path / "b")
    before = digests(tmp_path / "data")
    with sqlite3.connect(tmp_path / "data" / "echotune.db") as connection:
        connection.execute("DELETE FROM listens")
    code, said = echotune(restore, tmp_path / "b")

    assert (1, True) == (code, "--force" in said)
    assert before != digests(tmp_path / "data")
    assert 0 == echotune(restore, tmp_path / "b", "--force")[0]
    assert before == digests(tmp_path / "data")
    assert (tmp_path / "data" / "kernels" / "x").exists()
    assert "not empty" in echotune(backup, tmp_path / "b")[1]


def erase(home: Path, user_id: str) -> None:
    async def work() -> None:
        store = SqliteStore(home / "echotune.db")
        await store.delete_user(user_id)
        await store.close()

    tombstones.bury(home, user_id, datetime.now(UTC))
    asyncio.run(work())


def holds(home: Path, user_id: str) -> list[str]:
    return [
        path.relative_to(home).as_posix()
        for path in sorted(home.rglob("*"))
        if path.is_file()
        if user_id.encode() in (raw := path.read_bytes()) or user_id.encode("utf-32-le") in raw
    ]


@pytest.mark.parametrize("kept", ["in the folder", "elsewhere", "nowhere"])
def test_whoever_was_erased_does_not_come_back(echotune, tmp_path, kept: str) -> None:
    asyncio.run(fill(tmp_path / "data"))
    echotune(backup, tmp_path / "old")
    erase(tmp_path / "data", GONE)
    assert [] == [one for one in holds(tmp_path / "data", GONE) if one == "echotune.db"]
    words: list[object] = [tmp_path / "old"]
    if kept == "in the folder":
        words.append("--force")
    elif kept == "elsewhere":
        words += ["--erased", tmp_path / "data" / "erased.jsonl"]
    home = "data" if kept == "in the folder" else "other"
    code, said = echotune(restore, *words, home=home)

    assert 0 == code
    if kept == "nowhere":  # the control: without the list they are back
        assert {"echotune.db", "models/v1/user_ids.npy"} <= set(holds(tmp_path / home, GONE))
        return
    assert "erased 1 users again" in said
    assert [] == holds(tmp_path / home, GONE)
    assert [] != holds(tmp_path / home, "jazz-u4")
    assert not (tmp_path / home / "learner").exists()
    ids = [brief.id for brief in given.catalogue().briefs]
    assert "v1" == files.load(tmp_path / home / "models", "v1", ids).version


def test_whoever_came_back_after_they_were_erased_stays(echotune, tmp_path) -> None:
    asyncio.run(fill(tmp_path / "data"))
    tombstones.bury(tmp_path / "data", GONE, datetime.now(UTC) - timedelta(seconds=1))
    echotune(backup, tmp_path / "new")

    assert "again" not in echotune(restore, tmp_path / "new", home="other")[1]
    assert "echotune.db" in holds(tmp_path / "other", GONE)
    stones = tombstones.read(tmp_path / "other" / "erased.jsonl")
    assert 1 == len(stones)
    assert GONE not in (tmp_path / "other" / "erased.jsonl").read_text()


def test_a_copy_is_of_one_moment_while_others_write(tmp_path) -> None:
    store = SqliteStore(tmp_path / "x.db")
    asyncio.run(store.put_tracks(worlds.tracks()))
    going, stored = threading.Event(), []

    def write() -> None:
        async def work() -> None:
            for n in range(100_000):
                if going.is_set():
                    return
                both = [given.listen("a", id=f"{n}-{k}", user_id=f"u{k}") for k in (0, 1)]
                await store.append(both)
                stored.append(n)

        asyncio.run(work())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(stored) < 20:
            pass
        before = len(stored)
        for n in range(3):
            copy(tmp_path / "x.db", tmp_path / f"copy{n}.db")
        after = len(stored)
    finally:
        going.set()
        writer.join()
    asyncio.run(store.close())

    for n in range(3):
        with sqlite3.connect(tmp_path / f"copy{n}.db") as connection:
            one, two = (connection.execute(OF_ONE, (u,)).fetchone()[0] for u in ("u0", "u1"))
        assert one == two >= before  # both of an append, or neither
    assert after > before  # the control: it did write meanwhile


@pytest.mark.parametrize("harm", ["flip", "cut", "missing", "manifest", "way out"])
def test_a_backup_that_is_not_whole_changes_nothing(echotune, tmp_path, harm: str) -> None:
    asyncio.run(fill(tmp_path / "data"))
    echotune(backup, tmp_path / "b")
    path = tmp_path / "b" / "echotune.db"
    if harm == "flip":
        raw = bytearray(path.read_bytes())
        raw[5_000] ^= 1
        path.write_bytes(raw)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif harm == "missing":
        path.unlink()
    else:
        manifest = tmp_path / "b" / "backup.json"
        text = manifest.read_text()
        manifest.write_text(
            text[:-9] if harm == "manifest" else text.replace("echotune.db", "../x")
        )
    code, said = echotune(restore, tmp_path / "b", home="other")

    assert (1, True) == (code, said.startswith("error: "))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("member", ["../../out", "/tmp/out", "backup/link"])
def test_a_tar_that_leads_outside_is_refused(echotune, tmp_path, member: str) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        about = tarfile.TarInfo(member)
        if member.endswith("link"):
            about.type, about.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(about, BytesIO(b""))
    code, said = echotune(restore, tmp_path / "x.tar", home="other")

    assert (1, True) == (code, said.startswith("error: "))
    assert not (tmp_path / "out").exists()


def test_a_mongo_is_backed_up_by_its_own_tools(echotune, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ECHOTUNE_MONGO_URL", "mongodb://localhost/x")

    assert "mongodump" in echotune(backup, tmp_path / "b")[1]
