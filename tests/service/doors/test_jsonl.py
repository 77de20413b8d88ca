"""JSON Lines of our own Structs, and what is said of lines that are none."""

import pytest

from tests.service.doors.house import reasons, sums


def test_our_own_tracks_and_listens(house) -> None:
    tracks = (
        '\ufeff{"id":"a","title":"A","artist":"X","features":{"energy":0.5}}\r\n'
        "\n"
        '{"id":"b","title":"B","artist":"X"}\n'
    )
    listens = (
        '{"user_id":"u1","track_id":"a","at":"2024-01-01T00:00:00Z","ms_played":1000}\r'
        '{"user_id":"u1","track_id":"b","id":"mine"}\n'
        '{"user_id":"u1","track_id":"b"}\n'
        '{"user_id":"u1","track_id":"z","id":"mine2"}\n'
    )

    assert (2, 2, 0, 0) == sums(house.bring("tracks-jsonl", house.file("t.jsonl", tracks)))
    assert (4, 2, 0, 2) == sums(house.bring("listens-jsonl", house.file("l.jsonl.gz", listens)))
    assert ["`at` is required unless the listen has an `id`"] == reasons(house)[:1]
    assert (2, 0, 2, 0) == sums(house.bring("tracks-jsonl", house.file("t.jsonl", tracks)))
    assert (4, 0, 2, 2) == sums(house.bring("listens-jsonl", house.file("l.jsonl.gz", listens)))


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":"a","title":"A"',
        b'{"id":"a b","title":"A","artist":"B"}',
        b'{"id":"a","title":"A","artist":"B","features":{"energy":NaN}}',
        b'{"id":"a","title":"A","artist":"B","features":{"energy":2}}',
        b'{"id":"a","title":"A","artist":"B","mood":"?"}',
        b'{"id":"a","title":"\xe9t\xe9","artist":"B"}',
        b"[" * 30_000,
        b"null",
        b"id,title,artist",
    ],
)
def test_json_lines_that_are_no_track(house, line: bytes) -> None:
    path = house.file("t.jsonl", line + b'\n{"id":"ok","title":"A","artist":"B"}\n')

    assert (2, 1, 0, 1) == sums(house.bring("tracks-jsonl", path))


def test_two_versions_of_a_track_in_one_file(house) -> None:
    one = '{"id":"a","title":"A","artist":"X"}\n'
    path = house.file("t.jsonl", one + one + one.replace('"A"', '"Another"'))

    assert (3, 1, 1, 1) == sums(house.bring("tracks-jsonl", path))
    assert ["track a is on line 1 of t.jsonl with other values"] == reasons(house)
    assert (3, 0, 2, 1) == sums(house.bring("tracks-jsonl", path))
