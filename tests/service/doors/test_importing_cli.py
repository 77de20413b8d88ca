"""`echotune import` and `echotune demo` as typed: exit codes, sentences, where rejects go."""

import asyncio
import sqlite3

import msgspec
import pytest
from click.testing import CliRunner

from service.bus import START, Event, ListenStored, TrackChanged
from service.bus.redis_streams import RedisStream
from service.cli.importing import demo, import_
from service.doors.importers import FORMATS
from service.errors import EchoTuneError

PLAYS = ("--user", "user", "--track", "track", "--create-tracks")


@pytest.fixture
def echotune(monkeypatch, tmp_path):
    """Runs a command on a data folder of its own: exit code and everything printed."""
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path / "data"))

    def typed(command, *words: object) -> tuple[int, str]:
        result = CliRunner().invoke(command, [str(word) for word in words], prog_name="echotune")
        if isinstance(result.exception, EchoTuneError):  # what service.cli.main prints
            return 1, f"error: {result.exception}\n"
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, result.output

    return typed


def count(folder, table: str) -> int:
    with sqlite3.connect(folder / "data" / "echotune.db") as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608


def test_import_prints_the_sums_and_where_the_rejects_are(echotune, tmp_path) -> None:
    path = tmp_path / "plays.csv"
    path.write_text("user,track\nu1,a\nu1\nu2,b\n")
    code, said = echotune(import_, "interactions", path, *PLAYS)
    rejects = tmp_path / "data" / "rejects" / "interactions-plays.csv.jsonl"

    assert 0 == code
    assert "stored 0 tracks and 2 listens" in said
    assert "created 2 bare tracks" in said
    assert str(rejects) in said.replace("\n", "")
    assert {
        "source": "plays.csv",
        "line": 3,
        "reason": "1 fields where the header has 2",
        "row": "u1",
    } == msgspec.json.decode(rejects.read_bytes())
    assert (2, 2) == (count(tmp_path, "listens"), count(tmp_path, "tracks"))


def test_whoever_runs_hears_of_an_import_and_of_a_second_one(
    echotune, tmp_path, monkeypatch, valkey_url
) -> None:
    """The first may have been killed before it told anybody."""

    async def told() -> list[Event | None]:
        stream = RedisStream(valkey_url)
        entries = await stream.read(START, limit=1_000)
        await stream.close()
        return [entry.fact for entry in entries]

    monkeypatch.setenv("ECHOTUNE_EVENTS_REDIS_URL", valkey_url)
    path = tmp_path / "plays.csv"
    path.write_text("user,track\nu1,a\nu2,b\n")
    before = len(asyncio.run(told()))
    for _ in range(2):
        echotune(import_, "interactions", path, *PLAYS)
    tracks, listens, again = asyncio.run(told())[before:]

    assert isinstance(tracks, TrackChanged)
    assert {"a", "b"} == {track.title for track in tracks.tracks}
    assert isinstance(listens, ListenStored)
    assert ["u1", "u2"] == [listen.user_id for listen in listens.listens]
    assert ListenStored(listens.listens, [0, 1]) == again
    assert (2, 2) == (count(tmp_path, "listens"), count(tmp_path, "tracks"))


def test_import_twice_exits_0(echotune, tmp_path) -> None:
    path = tmp_path / "plays.csv"
    path.write_text("user,track\nu1,a\n")

    assert 0 == echotune(import_, "interactions", path, *PLAYS)[0]
    assert 0 == echotune(import_, "interactions", path, *PLAYS)[0]
    assert 1 == count(tmp_path, "listens")


@pytest.mark.parametrize("text", ["user,track\n", "user,track\nu1\nu2\n"])
def test_exit_1_when_nothing_was_usable(echotune, tmp_path, text: str) -> None:
    path = tmp_path / "plays.csv"
    path.write_text(text)

    assert 1 == echotune(import_, "interactions", path, *PLAYS)[0]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_a_file_that_is_not_there_is_one_line(echotune, tmp_path, kind: str) -> None:
    code, said = echotune(import_, kind, tmp_path / "nope.csv", *PLAYS)

    assert 1 == code
    assert f"error: {tmp_path / 'nope.csv'} does not exist; check the path\n" == said
    assert not (tmp_path / "data").exists()


def test_a_delimiter_is_one_character_or_the_word_tab(echotune, tmp_path) -> None:
    path = tmp_path / "plays.tsv"
    path.write_text("user\ttrack\nu1\ta\n")

    assert 0 == echotune(import_, "interactions", path, *PLAYS, "--delimiter", "tab")[0]
    assert "one character" in echotune(import_, "interactions", path, "--delimiter", "ab")[1]


def test_a_rejects_folder_that_cannot_be_written(echotune, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rejects").write_text("a file where the folder should be")
    path = tmp_path / "plays.csv"
    path.write_text("user,track\nu1\n")

    assert "cannot be written" in echotune(import_, "interactions", path, *PLAYS)[1]


def test_demo_fills_the_store_and_again_adds_nothing(echotune, tmp_path) -> None:
    words = ("--tracks", 300, "--listeners", 40, "--listens", 2_000, "--now", "2026-11-23T05:00Z")

    assert 0 == echotune(demo, *words)[0]
    assert (2_000, 300, 40) == tuple(
        count(tmp_path, table) for table in ("listens", "tracks", "users")
    )
    assert "stored 0 tracks and 0 listens" in echotune(demo, *words)[1]


def test_demo_listeners_have_their_time_zone(echotune, tmp_path) -> None:
    from service.adapters import open_store
    from service.settings import Settings

    echotune(demo, "--tracks", 60, "--listeners", 30, "--listens", 300)

    async def zones() -> set[str]:
        store = await open_store(Settings(data_dir=str(tmp_path / "data")))
        try:
            users = [await store.user(f"u{number}") for number in range(1, 31)]
        finally:
            await store.close()
        return {user.timezone for user in users if user}

    assert len(asyncio.run(zones())) > 5


@pytest.mark.parametrize("words", [("--now", "soon"), ("--tracks", "0")])
def test_demo_refuses_what_it_cannot_make(echotune, words) -> None:
    assert 0 != echotune(demo, *words)[0]


def test_every_format_has_an_example_in_the_help(echotune) -> None:
    _, said = echotune(import_, "--help")

    assert all(f"echotune import {kind} " in said for kind in FORMATS)
