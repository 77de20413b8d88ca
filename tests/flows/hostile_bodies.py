"""Bodies that no route takes: unreadable ones, and one wrong thing at a time in a good one."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.flows.hostile import FEEDBACK, LISTEN, TRACK

DEEP = 30_000
HUGE = "1" + "0" * 400
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()  # minutes would pass while tests run
UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \r\n\t",
    "byte order mark": b'\xef\xbb\xbf{"timezone":"UTC"}',
    "UTF-16": '{"timezone":"UTC"}'.encode("utf-16"),
    "bad UTF-8": b'{"timezone":"\xff"}',
    "bad UTF-8 in an id": b'{"user_id":"\xff"}',
    "overlong UTF-8": b'{"timezone":"\xc0\xaf"}',
    "surrogate bytes": b'{"timezone":"\xed\xa0\x80"}',
    "lone surrogate": rb'{"timezone":"\ud800"}',
    "NaN": b"NaN",
    "-Infinity": b"-Infinity",
    "NUL": b"\0",
    "cut short": b'{"timezone":"UT',
    "two": b"{} {}",
    "comma": b'{"timezone":"UTC",}',
    "single quotes": b"{'timezone':'UTC'}",
    "number": b"17",
    "huge number": HUGE.encode(),
    "text": b'"text"',
    "null": b"null",
    "true": b"true",
    "form": b"user_id=jazz-u0&track_id=jazz00",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--x--\r\n',
    "gzip": gzip.compress(b"{}"),
    "unclosed arrays": b"[" * DEEP,
    "deep objects": b'{"a":' * (DEEP // 5) + b"1" + b"}" * (DEEP // 5),
    "unclosed objects": b'{"a":' * (DEEP // 5),
    "deep unknown field": b'{"x":' + b"[" * (DEEP - 5_000) + b"]" * (DEEP - 5_000) + b"}",
    "unknown field": b'{"nonsense":1}',
}  # fmt: skip


def nobody_wants(body: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    """`body` without `names` and with `more`."""
    return {name: value for name, value in body.items() if name not in names} | more


WRONG_IDS = (
    *("", "a\n", "a\0", "../a", "a b", "x" * 65, "\u202ea", "a\u200b", "é", "-a"),
    *({"$gt": ""}, ["a"], 1, None, True),
)
WRONG_LISTENS: list[Any] = [
    *(nobody_wants(LISTEN, user_id=wrong) for wrong in WRONG_IDS),
    *(nobody_wants(LISTEN, track_id=wrong) for wrong in WRONG_IDS),
    *(nobody_wants(LISTEN, name) for name in ("user_id", "track_id", "at")),
    nobody_wants(LISTEN, track_id="unknown"),
    nobody_wants(LISTEN, nonsense=1),
    *(nobody_wants(LISTEN, action=wrong) for wrong in ("", "PLAY", "listen", None, 1, {"$ne": 1})),
    *(
        nobody_wants(LISTEN, at=wrong)
        for wrong in (
            *("", "now", "2026-03-01", "2026-03-01T10:00:00", "0000-01-01T00:00:00Z", 17),
            *("1999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z"),
            *("9999-12-31T23:59:59-14:00", "2026-02-30T10:00:00Z", SOON, None, {"$date": 0}),
        )
    ),
    *(nobody_wants(LISTEN, id=wrong) for wrong in ("a\n", "a b", "x" * 65, "é", "a\0", 1, None)),
    *(nobody_wants(LISTEN, plays=n) for n in (0, -1, 1.5, 1_000_001, 2**63, 2**64, 10**400, "1")),
    *(nobody_wants(LISTEN, ms_played=n) for n in (-1, 86_400_001, 2**63, 10**400, 0.5, "1", True)),
    *(nobody_wants(LISTEN, action="rating", rating=n) for n in (0.4, 5.1, -1, 10**400, "5", True)),
    nobody_wants(LISTEN, action="rating"),
    nobody_wants(LISTEN, action="play", rating=4),
    nobody_wants(LISTEN, rating=4),
    nobody_wants(LISTEN, timed="yes"),
    *(nobody_wants(LISTEN, **{name: "x" * 65}) for name in ("source", "device", "context")),
    *(17, None, "listen", [], [LISTEN], {}, True),
]  # fmt: skip
WRONG_TRACKS: list[Any] = [
    *(nobody_wants(TRACK, id=wrong) for wrong in (*WRONG_IDS, "a-b", "a.b")),
    *(nobody_wants(TRACK, name) for name in ("id", "title", "artist")),
    *(nobody_wants(TRACK, title=wrong) for wrong in ("", "  ", "x" * 501, None, 1, ["a"])),
    *(nobody_wants(TRACK, artist=wrong) for wrong in ("", "\n", "x" * 501, None)),
    nobody_wants(TRACK, album="x" * 501),
    nobody_wants(TRACK, album=None),
    nobody_wants(TRACK, genres=[f"g{number}" for number in range(33)]),
    *(nobody_wants(TRACK, genres=wrong) for wrong in (["x" * 65], "jazz", [None], {"a": 1}, None)),
    *(nobody_wants(TRACK, features=wrong) for wrong in (None, "x", 1, {"nonsense": 1})),
    *(nobody_wants(TRACK, features={"energy": n}) for n in (-0.1, 1.1, 10**400, "0.5", True)),
    *(nobody_wants(TRACK, features={"tempo": n}) for n in (-1, 1_001, [1])),
    *(nobody_wants(TRACK, features={"loudness": n}) for n in (-201, 101)),
    *(nobody_wants(TRACK, duration_ms=n) for n in (0, -1, 86_400_001, 2**63, 10**400, 1.5)),
    *(nobody_wants(TRACK, released=w) for w in ("", "26", "2026-1", "2026-01-01\n", 2026)),
    *(nobody_wants(TRACK, popularity=n) for n in (-1, 101, "5")),
    *(nobody_wants(TRACK, explicit=wrong) for wrong in (1, "true", None)),
    *(nobody_wants(TRACK, aliases=w) for w in ({"isrc": "x" * 201}, {"x" * 65: "a"}, {"a": None})),
    nobody_wants(TRACK, nonsense=1),
    *(17, None, "track", [], [TRACK], {}),
]
WRONG_FEEDBACK: list[Any] = [
    *(nobody_wants(FEEDBACK, user_id=wrong) for wrong in WRONG_IDS),
    *(nobody_wants(FEEDBACK, track_id=wrong) for wrong in (*WRONG_IDS, "unknown")),
    *(nobody_wants(FEEDBACK, name) for name in FEEDBACK),
    *(nobody_wants(FEEDBACK, action=wrong) for wrong in ("play", "love", "", None)),
    nobody_wants(FEEDBACK, action="rating"),
    nobody_wants(FEEDBACK, rating=5),
    nobody_wants(FEEDBACK, action="rating", rating=0),
    *(nobody_wants(FEEDBACK, at=w) for w in (SOON, "1999-01-01T00:00:00Z", "2026-03-01", 0)),
    nobody_wants(FEEDBACK, plays=2),
    *([FEEDBACK], [], {}),
]
WRONG_SETTINGS: list[Any] = [
    *({"timezone": wrong} for wrong in ("", "Mars/Olympus", "../../etc/passwd", "\0", "x" * 65)),
    *({"timezone": wrong} for wrong in ("/etc/passwd", "Europe", "UTC\n", 1, ["UTC"], {"$ne": 1})),
    {"blocked": {"tracks": ["t"] * 10_001}},
    {"blocked": {"artists": ["a"] * 1_001}},
    {"blocked": {"genres": ["g"] * 201}},
    {"blocked": {"tracks": ["a\n"]}},
    {"blocked": {"tracks": "a"}},
    {"blocked": {"users": []}},
    {"blocked": [1]},
    {"preferences": {"genres": ["g"] * 51}},
    {"preferences": {"artists": ["a"] * 201}},
    {"preferences": {"artists": ["a" * 501]}},
    {"preferences": {"explicit": None}},
    {"demographics": {"birth_year": 1899}},
    {"demographics": {"birth_year": 10**400}},
    *({"demographics": {"country": wrong}} for wrong in ("de", "DEU", "D\n", "", 1)),
    *({"nonsense": 1}, {"rev": 9}, {"id": "other"}, {"updated_at": "2026-03-01T10:00:00Z"}, []),
]
