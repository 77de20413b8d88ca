"""Whatever is in a file: read = stored + duplicate + rejected, and a second import adds nothing."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.doors.importers import FORMATS
from service.errors import EchoTuneError
from service.store.sqlite import SqliteStore
from tests.service.doors.house import House, sums

DIRT = st.sampled_from(["", " ", "NaN", '"', "a,b", "\0", "é", "-1", "0", "1e9", "x" * 600])
CELL = st.one_of(DIRT, st.text(max_size=5), st.sampled_from(["u1", "u2", "a", "b", "c"]))
TIME = st.one_of(DIRT, st.integers(946_684_800, 1_700_000_000).map(str), st.just("2024-05-05"))
COUNT = st.one_of(DIRT, st.integers(0, 5).map(str))
ROW = st.tuples(CELL, CELL, TIME, COUNT).map(list) | st.lists(CELL, max_size=6)


def dirty_csv(rows: list[list[str]], line_end: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(["user", "track", "at", "n"])
    for row in rows:
        writer.writerow(row)
    return text.getvalue().encode("utf-8", "replace")


@given(
    st.lists(ROW, max_size=30), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans()
)
def test_every_row_is_accounted_for(rows, line_end: str, timed: bool, create: bool) -> None:
    options = {"user": "user", "track": "track", "count": "n", "create_tracks": create}
    options |= {"time": "at"} if timed else {}
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        house.bring("tracks-jsonl", house.file("t.jsonl", '{"id":"a","title":"A","artist":"X"}'))
        path = house.file("plays.csv", dirty_csv(rows, line_end))
        first = house.bring("interactions", path, **options)
        stored = house.listens(), house.tracks()
        second = house.bring("interactions", path, **options)

        assert first.read == first.stored + first.duplicate + first.rejected
        assert len(stored[0]) == first.listens
        assert (first.read, 0, first.stored + first.duplicate, first.rejected) == sums(second)
        assert stored == (house.listens(), house.tracks())
        assert 0 == second.created


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.binary(max_size=200)
    | st.lists(ROW, max_size=8).map(lambda rows: dirty_csv(rows, "\n"))
    | st.sampled_from([b"PK\x03\x04", b"\x1f\x8b", b"{", b'{"track_id":']).flatmap(
        lambda start: st.binary(max_size=60).map(lambda more: start + more)
    ),
)
def test_any_bytes_are_imported_or_refused_in_a_sentence(kind: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            summary = house.bring(kind, house.file("any", content), user="user", track="track")
        except EchoTuneError:
            assert [] == house.tracks() == house.listens()
        else:
            assert summary.read == summary.stored + summary.duplicate + summary.rejected


@pytest.mark.parametrize("rows", [1, 4_999, 5_000, 12_345])
def test_batches_in_sqlite(tmp_path, rows: int) -> None:
    store = SqliteStore(tmp_path / "x.db")
    house = House(tmp_path, store)
    text = "user,track\n" + "".join(f"u{n % 97},t{n % 31}\n" for n in range(rows))
    options = {"user": "user", "track": "track", "create_tracks": True}
    path = house.file("plays.csv", text)

    assert (rows, rows, 0, 0) == sums(house.bring("interactions", path, **options))
    assert (rows, 0, rows, 0) == sums(house.bring("interactions", path, **options))
