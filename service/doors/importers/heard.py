"""What histories of other players are read into: a listen, and the recording it is of."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from service.domain import EPOCH, Listen, Track
from service.doors.identity.claim import Claim
from service.doors.importers.row import Options, Row, RowRejected, user_id
from service.doors.importers.source import Source, check, members
from service.errors import Invalid, UnusableFile

One = TypeVar("One")

MOST_JSON = 256 << 20  # it is held in memory whole; exports come in files of some 10 MB
MOST_FILES = 500


class Heard(Struct, frozen=True):
    """One listen and what was heard; a listen of a claim has no track yet."""

    listen: Listen
    of: Claim | Track


class Entry(Struct, frozen=True):
    """One entry of a history: its place, what may be shown of it, and what it says (`Row.made`)."""

    line: int
    shown: Sequence[str]
    said: Heard | str | None


def told(source: Source, entries: Iterable[Entry]) -> Iterator[Row]:
    """Entries as rows. What is not in `shown` reaches neither the store nor the rejects."""
    for entry in entries:
        if isinstance(entry.said, Heard):
            said = entry.said
            yield Row(source.name, entry.line, entry.shown, said.listen, of=said.of)
        else:
            yield Row(source.name, entry.line, entry.shown, entry.said)


def each(
    raws: Iterable[Raw],
    decoder: "msgspec.json.Decoder[One]",
    what: str,
    *,
    shown: Callable[[One], Sequence[str]],
    make: Callable[[One], Heard],
) -> Iterator[Entry]:
    """An entry for each member of a list: what it says, or why it says nothing."""
    for line, raw in enumerate(raws, 1):
        try:
            one = decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            yield Entry(line, (), f"not {what}: {error}"[:300])
        else:
            yield Entry(line, shown(one), attempt(partial(make, one)))


def attempt(make: Callable[[], Heard]) -> Heard | str:
    """What it says, or why it says nothing."""
    try:
        return make()
    except RowRejected as rejected:
        return str(rejected)


def heard(of: Claim | Track, user: str, at: datetime, **more: Any) -> Heard:  # noqa: ANN401 - of Listen
    """A listen of `user`."""
    track_id = of.id if isinstance(of, Track) else ""
    return Heard(Listen(user_id=user, track_id=track_id, at=at, **more), of)


def listener(options: Options, format_: str) -> str:
    """Whose history it is.

    Raises:
        Invalid: --user does not say.
    """
    if not options.user:
        raise Invalid(f"{format_} needs --user USER: whose history it is")
    try:
        return user_id(options.user)
    except RowRejected as error:
        raise Invalid(f"--user: {error}") from error


def moment(seconds: float) -> datetime:
    """Unix time.

    Raises:
        RowRejected: no time at all.
    """
    try:
        return EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except (ValueError, OverflowError) as error:
        raise RowRejected("its time is no unix time") from error


def clock(text: str, form: str) -> datetime:
    """A time written in this form, in UTC.

    Raises:
        RowRejected: it is not.
    """
    try:
        return datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
    except ValueError as error:
        raise RowRejected(f"time {text[:40]!a} is not as in 2026-03-01 21:05") from error


def parts(path: Path, wanted: re.Pattern[str]) -> list[Source]:
    """The file, or all files in a zip whose path matches, by the numbers in their names.

    Raises:
        UnusableFile: there is none, there are too many, or one cannot be read.
    """
    inside = members(path)
    if not inside:
        return [check(path)]
    found = sorted(filter(wanted.search, inside), key=_by_number)
    if not found:
        raise UnusableFile(f"{path.name} holds no file of this format; check the format")
    if len(found) > MOST_FILES:
        raise UnusableFile(f"{path.name} holds {len(found)} files; {MOST_FILES} are the most")
    return [check(path, member=member) for member in found]


def whole(source: Source, shape: Any) -> Any:  # noqa: ANN401 - an annotation, and one of it
    """A file of JSON of this shape, read whole.

    Raises:
        UnusableFile: it is too large, or not what it should be.
    """
    if source.size > MOST_JSON:
        raise UnusableFile(f"{source.name} is over {MOST_JSON >> 20} MiB; split it")
    try:
        with source.text() as text:
            return msgspec.json.decode(text.read(), type=shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UnusableFile(
            f"{source.name} is not JSON of this format ({str(error)[:200]}); check the format"
        ) from error


def _by_number(name: str) -> list[tuple[int, str]]:
    return [(int(word), "") if word.isdecimal() else (0, word) for word in re.split(r"(\d+)", name)]
