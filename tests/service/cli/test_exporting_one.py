"""`echotune export` of one listener, and a dry run of what comes in, as typed."""

import asyncio
import json
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.cli.exporting import export
from service.cli.importing import import_
from service.domain import UserSettings
from service.learn.ingest import listen_id
from service.store.sqlite import SqliteStore
from tests import worlds


async def fill(home: Path) -> None:
    store = SqliteStore(home / "echotune.db")
    await store.put_tracks(worlds.tracks())
    await store.append([replace(one, id=listen_id(one, one.at)) for one in worlds.listens()])
    await store.put_user("jazz-u1", UserSettings(timezone="Asia/Tokyo"))
    await store.close()


async def counts(home: Path) -> dict[str, int]:
    store = SqliteStore(home / "echotune.db")
    found = await store.counts()
    await store.close()
    return found


def test_a_playlist_all_there_is_and_a_zip_of_one_listener(echotune, data, tmp_path) -> None:
    asyncio.run(fill(data))

    code, said = echotune(export, "playlist", "jazz-u1", "--format", "m3u8", "--limit", 5)
    assert (0, 5) == (code, said.count("#EXTINF"))
    assert 0 == echotune(export, "playlist", "jazz-u1", tmp_path / "x.jspf", "--limit", 7)[0]
    assert 7 == len(json.loads((tmp_path / "x.jspf").read_bytes())["playlist"]["track"])

    assert 0 == echotune(export, "user", "jazz-u1", tmp_path / "x.json")[0]
    everything = json.loads((tmp_path / "x.json").read_bytes())
    assert ("jazz-u1", 12) == (everything["user_id"], len(everything["listens"]))
    assert "Asia/Tokyo" == everything["settings"]["timezone"]
    assert everything["profile"] == json.loads(echotune(export, "user", "jazz-u1")[1])["profile"]

    assert 0 == echotune(export, "listenbrainz", "jazz-u1", tmp_path / "x.zip")[0]
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert any(name.startswith("listens/") for name in archive.namelist())


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("playlist",), "needs a USER"),
        (("folder", "jazz-u1"), "of one USER"),
        (("user", "nobody"), "there is no user"),
        (("listenbrainz", "no body"), "not an id"),
        (("user", "jazz-u1", "no/such/folder"), "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_one_line(echotune, data, words, sentence: str) -> None:
    asyncio.run(fill(data))
    code, said = echotune(export, *words)

    assert (1, True) == (code, sentence in said)


def test_a_dry_run_says_what_would_be_stored_and_stores_nothing(echotune, data, tmp_path) -> None:
    asyncio.run(fill(data))
    before = asyncio.run(counts(data))
    echotune(export, "listenbrainz", "jazz-u1", tmp_path / "x.zip")
    path = tmp_path / "plays.json"
    path.write_text('{"scrobbles":[{"time":1700000000,"track":{"title":"T","artists":["A"]}}]}')

    code, said = echotune(import_, "maloja", path, "--user", "new", "--dry-run")
    assert 0 == code
    assert "would have stored 0 tracks and 1 listens" in said
    assert "would have created 1 bare tracks" in said
    words = ("listenbrainz", tmp_path / "x.zip", "--user", "jazz-u1", "--dry-run")
    _, said = echotune(import_, *words)
    assert "would have stored 0 tracks and 0 listens" in said  # it looks at what is there
    assert before == asyncio.run(counts(data))

    _, said = echotune(import_, "maloja", path, "--user", "new")
    assert "\nstored 0 tracks and 1 listens" in said
