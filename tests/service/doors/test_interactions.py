"""Interactions: any CSV or TSV with a user and a track, and maybe a time and a count."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from service.base62 import minted
from service.errors import Invalid, UnusableFile
from tests.service.doors.house import sums

COLUMNS = {"user": "user", "track": "track"}
TIMED = COLUMNS | {"time": "at"}
BARE = COLUMNS | {"create_tracks": True}


def rejected(house) -> list[tuple[int, str]]:
    lines = house.rejects.read_bytes().splitlines()
    rows = [msgspec.json.decode(line) for line in lines]
    return [(row["line"], row["reason"]) for row in rows]


def test_columns_must_be_named(house) -> None:
    with pytest.raises(Invalid, match="--user COLUMN and --track COLUMN"):
        house.bring("interactions", house.file("x.csv", "a,b\n"), user="a")


@pytest.mark.parametrize("option", ["user", "track", "time", "count"])
def test_a_column_that_is_not_there(house, option: str) -> None:
    path = house.file("plays.csv", "user,track,x\nu1,a,1\n")

    with pytest.raises(UnusableFile, match=f"line 1: no column 'when' .* name it with --{option}"):
        house.bring("interactions", path, **(BARE | {option: "when"}))
    assert [] == house.listens() == house.tracks()


def test_a_track_that_nobody_put_is_rejected_unless_it_may_be_created(house) -> None:
    path = house.file("plays.csv", "user,track\nu1,a\nu2,a\n")

    assert (2, 0, 0, 2) == sums(house.bring("interactions", path, **COLUMNS))
    assert "unknown track 'a'" in rejected(house)[0][1]

    summary = house.bring("interactions", path, **BARE)

    assert (2, 2, 0, 0) == sums(summary)
    assert 1 == summary.created
    assert ("a", "unknown") == (house.track("a").title, house.track("a").artist)
    assert not house.rejects.exists()  # it was about the import before


def test_creating_tracks_takes_nothing_from_those_that_are_there(house) -> None:
    track = '{"id":"a","title":"A Song","artist":"Somebody"}'
    house.bring("tracks-jsonl", house.file("tracks.jsonl", track))
    house.bring("interactions", house.file("plays.csv", "user,track\nu1,a\n"), **BARE)

    assert "A Song" == house.track("a").title


@pytest.mark.parametrize(
    "text",
    [
        "1700000000",
        "1700000000000",
        "1700000000000000",
        "1700000000.0",
        "2023-11-14T22:13:20Z",
        "2023-11-14 22:13:20",
        "2023-11-14T23:13:20+01:00",
    ],
)
def test_times_are_unix_or_iso(house, text: str) -> None:
    path = house.file("plays.csv", f"user,track,at\nu1,a,{text}\n")
    house.bring("interactions", path, **TIMED, create_tracks=True)
    (listen,) = house.listens()

    assert (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), True) == (listen.at, listen.timed)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "nan", "-1", "1e400", "9" * 40, "0", "2099-01-01", "1999-12-31"]
)
def test_a_time_that_cannot_be(house, text: str) -> None:
    path = house.file("plays.csv", f"user,track,at\nu1,a,{text}\nu1,a,2024-01-01\n")

    assert (2, 1, 0, 1) == sums(house.bring("interactions", path, **TIMED, create_tracks=True))
    assert 2 == rejected(house)[0][0]


def test_without_a_time_the_line_stands_in(house) -> None:
    path = house.file("plays.csv", "user,track,n\nu1,a,3\n\nu1,a,1.0\n")
    house.bring("interactions", path, **BARE, count="n")
    first, second = house.listens()

    assert datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=2) == first.at
    assert datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=4) == second.at
    assert [(3, False), (1, False)] == [(one.plays, one.timed) for one in (first, second)]


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", "1000001", "²", "1_0"])
def test_a_count_that_cannot_be(house, text: str) -> None:
    path = house.file("plays.csv", f"user,track,n\nu1,a,{text}\n")

    assert (1, 0, 0, 1) == sums(house.bring("interactions", path, **BARE, count="n"))
    assert "is no whole number of 1 to 1,000,000" in rejected(house)[0][1]


def test_ids_that_do_not_fit_are_mapped_and_kept_as_aliases(house) -> None:
    path = house.file("plays.csv", "user,track\nÅsa Öberg,spotify:track:1\nu 2,a-b\n")
    house.bring("interactions", path, **BARE)

    assert {minted("user", "Åsa Öberg"), minted("user", "u 2")} == {
        one.user_id for one in house.listens()
    }
    assert {"import": "a-b"} == house.track(minted("import", "a-b")).aliases


def test_rows_that_say_nothing(house) -> None:
    rows = ["u1,a", "u1", "u1,a,b", ",a", "u1,", "  ,  ", "u\0,a", "u1,\x07", "u1,b"]
    summary = house.bring(
        "interactions", house.file("plays.csv", "user,track\n" + "\n".join(rows)), **BARE
    )

    assert (9, 2, 0, 7) == sums(summary)
    assert [
        (3, "1 fields where the header has 2"),
        (4, "3 fields where the header has 2"),
        (5, "no user id"),
        (6, "no track id"),
        (7, "no user id"),
        (8, "user id 'u\\x00' is no readable text of 1 to 200 characters"),
        (9, "track id '\\x07' is no readable text of 1 to 200 characters"),
    ] == rejected(house)


def test_bytes_that_are_no_utf_8_spoil_their_row_only(house) -> None:
    path = house.file("plays.csv", b"user,track\nu1,a\nu1,\xe9t\xe9\nu2,\xc3\xa9t\xc3\xa9\n")

    assert (3, 2, 0, 1) == sums(house.bring("interactions", path, **BARE))
    assert [(3, "not UTF-8 text")] == rejected(house)


def test_a_quote_that_is_never_closed_ends_in_a_reject(house) -> None:
    text = 'user,track\nu1,a\nu1,"b\n' + "u2,c\n" * 40_000
    summary = house.bring("interactions", house.file("plays.csv", text), **BARE)

    assert summary.read == summary.stored + summary.duplicate + summary.rejected
    assert "a quote that is never closed" in rejected(house)[0][1]
    assert 3 == rejected(house)[0][0]
    assert summary.stored > 10_000


def test_the_same_row_at_the_same_time_is_a_duplicate(house) -> None:
    path = house.file("plays.csv", "user,track,at\n" + "u1,a,1700000000\n" * 3)

    assert (3, 1, 2, 0) == sums(house.bring("interactions", path, **TIMED, create_tracks=True))


def test_a_given_delimiter_wins(house) -> None:
    path = house.file("plays.csv", "user~track~a,b,c\nu1~a~x\n")

    assert 1 == house.bring("interactions", path, **BARE, delimiter="~").stored


def test_a_row_in_the_rejects_file_is_cut_and_named(house) -> None:
    house.bring("interactions", house.file("plays.csv", "user,track\nu1,a," + "x" * 900), **COLUMNS)
    row = msgspec.json.decode(house.rejects.read_bytes())

    assert ("plays.csv", 2, 500) == (row["source"], row["line"], len(row["row"]))
    assert row["row"].startswith("u1,a,xxx")
