"""What every format is turned into: rows that say what they are and where they stood."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec import Struct

from service.base62 import minted
from service.domain import Listen, Track
from service.doors.identity.claim import Claim
from service.errors import UnusableFile

UNKNOWN = "unknown"
"""The artist (and where need be the title) of a track that nobody named."""

NUMBERED = ("fma", "hetrec")
"""Catalogues whose ids are small numbers: never used as they are, or two of them would collide."""

UNTIMED = datetime(2000, 1, 1, tzinfo=UTC)
ONE_MS = timedelta(milliseconds=1)

_TRACK_ID = re.compile(r"[0-9A-Za-z]{1,64}\Z")
_USER_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._~@-]{0,63}\Z")
SPOTIFY_ID = re.compile(r"[0-9A-Za-z]{22}\Z")


class Row(Struct, frozen=True, gc=False):
    """One row as read. `made` is what it says: a track, a listen, or the reason it says nothing.

    None: it only adds to a track that an earlier row of the same file made.
    """

    source: str
    line: int
    raw: Sequence[str]
    made: Track | Listen | str | None
    bare: Track | None = None  # stored first, if the catalogue has no such track
    of: Claim | Track | None = None  # what was heard, as far as the row says


class Reading(Struct, frozen=True):
    """Rows to come, and about how many lines they take (for a progress bar)."""

    total: int
    rows: Iterator[Row]


class Options(Struct, frozen=True, kw_only=True):
    """What the command line says about a file that has no fixed columns."""

    user: str | None = None
    track: str | None = None
    time: str | None = None
    count: str | None = None
    delimiter: str | None = None
    kind: str = "import"
    create_tracks: bool = False


class RowRejected(Exception):
    """This row cannot be used; the message says why. Never leaves this folder."""


@lru_cache(maxsize=1 << 20)
def track_id(kind: str, original: str) -> str:
    """The id of the track that another system (`kind`) calls `original`.

    Raises:
        RowRejected: it is empty, or no text.
    """
    original = original.strip()
    if not original:
        raise RowRejected("no track id")
    if kind not in NUMBERED and _TRACK_ID.match(original):
        return original
    return minted(kind, _printable(original, "track id"))


@lru_cache(maxsize=1 << 20)
def user_id(original: str) -> str:
    """The id of the user that another system calls `original`.

    Raises:
        RowRejected: it is empty, or no text.
    """
    original = original.strip()
    if _USER_ID.match(original):
        return original
    if not original:
        raise RowRejected("no user id")
    return minted("user", _printable(original, "user id"))


def aliases(kind: str, original: str) -> dict[str, str]:
    """How the track can be found again by the id its own system gave it."""
    original = original.strip()
    if kind == "import" and SPOTIFY_ID.match(original):
        return {"spotify": original}
    return {kind: original[:200]}


def track(**fields: object) -> Track:
    """A track, every field checked against the domain.

    Raises:
        RowRejected: a value is out of range; the message names its path.
    """
    try:
        return msgspec.convert(fields, Track)
    except msgspec.ValidationError as error:
        raise RowRejected(str(error)) from error


def column(names: Sequence[str], wanted: Sequence[str], source: str, *, option: str = "") -> int:
    """Where the first of the `wanted` columns is; `names` is the header row.

    Raises:
        UnusableFile: there is none; the message lists what there is.
    """
    for name in wanted:
        if name in names:
            return names.index(name)
    there = ", ".join(names[:30]) or "nothing"
    how = f"name it with {option}" if option else "check the format and that line 1 is the header"
    raise UnusableFile(
        f"{source} line 1: no column {' or '.join(map(repr, wanted))} among {there}; {how}"
    )


def excerpt(raw: Sequence[str]) -> str:
    """The row as text, for people who look for it in the file; at most 500 characters."""
    text = ",".join(raw)[:501].encode(errors="backslashreplace").decode()
    return text if len(text) <= 500 else text[:499] + "…"


def csv_reason(error: csv.Error) -> str:
    """Why the csv module gave up on a row, for people."""
    if "field larger" in str(error):
        return "a field is over 128 KB: probably a quote that is never closed"
    return f"not CSV: {error}"


def _printable(original: str, what: str) -> str:
    if not original.isprintable() or len(original) > 200:
        raise RowRejected(f"{what} {original[:40]!a} is no readable text of 1 to 200 characters")
    return original
