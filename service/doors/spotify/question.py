"""Query strings as Spotify reads them: seeds, bounds, wishes, lists of ids.

Names it does not know are ignored, as there; values it cannot use are refused.
"""

import math
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from service.doors.spotify.attributes import RANGES
from service.doors.spotify.refusals import Refused

SEEDS: Final = ("seed_artists", "seed_tracks", "seed_genres")
MOST_SEEDS: Final = 5
MOST_PARAMETERS: Final = 100
LIMIT: Final = 20
MOST: Final = 100
ID: Final = re.compile(r"(?:spotify:(?:track|artist):)?([0-9A-Za-z]{1,64})")
WHOLE: Final = re.compile(r"[0-9]{1,9}")
NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
LONGEST_GENRE: Final = 64


class Question(Struct, frozen=True, kw_only=True):
    """What recommendations are asked for."""

    artists: tuple[str, ...]
    tracks: tuple[str, ...]
    genres: tuple[str, ...]
    limit: int
    least: Mapping[str, float]
    most: Mapping[str, float]
    wishes: Mapping[str, float]


def question_of(raw: bytes) -> Question:
    """The question in a query string.

    Raises:
        Refused: with Spotify's status and a message that names the parameter.
    """
    values = values_of(raw)
    artists, tracks, genres = (_listed(values.get(name, "")) for name in SEEDS)
    if not 1 <= len(artists) + len(tracks) + len(genres) <= MOST_SEEDS:
        raise Refused(400, f"invalid request: 1 to {MOST_SEEDS} seeds in all are needed")
    if any(len(genre) > LONGEST_GENRE for genre in genres):
        raise Refused(400, "invalid request: seed_genres")
    return Question(
        artists=tuple(_id(one, "artist") for one in artists),
        tracks=tuple(_id(one, "track") for one in tracks),
        genres=genres,
        limit=_limit(values.get("limit")),
        least=_bounds("min_", values),
        most=_bounds("max_", values),
        wishes=_bounds("target_", values),
    )


def ids_of(raw: bytes, *, most: int) -> tuple[str, ...]:
    """The ids of `?ids=a,b`, in their order.

    Raises:
        Refused: there are none, too many, or one that is none.
    """
    ids = _listed(values_of(raw).get("ids", ""))
    if not ids:
        raise Refused(400, "invalid request: ids are missing")
    if len(ids) > most:
        raise Refused(400, "Too many ids requested")
    return tuple(_id(one, "id") for one in ids)


def id_of(text: str) -> str:
    """One id out of a path.

    Raises:
        Refused
    """
    return _id(text, "id")


def values_of(raw: bytes) -> dict[str, str]:
    """A query string by name; of a name that is given twice the last value.

    Raises:
        Refused: it is no text, or endless.
    """
    if raw.count(b"&") >= MOST_PARAMETERS:
        raise Refused(400, "invalid request: too many parameters")
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise Refused(400, "invalid request: the query string is no UTF-8") from None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _id(text: str, what: str) -> str:
    found = ID.fullmatch(text)
    if found is None:
        raise Refused(400, f"invalid {what}" if what == "id" else f"invalid {what} id")
    return found[1]


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT
    if not WHOLE.fullmatch(text) or not 1 <= int(text) <= MOST:
        raise Refused(400, "invalid limit")
    return int(text)


def _bounds(prefix: str, values: Mapping[str, str]) -> dict[str, float]:
    return {
        name: _number(prefix + name, values[prefix + name], *RANGES[name])
        for name in RANGES
        if prefix + name in values
    }


def _number(name: str, text: str, low: float, high: float) -> float:
    number = float(text) if len(text) < 40 and NUMBER.fullmatch(text) else math.nan
    if not low <= number <= high:
        raise Refused(400, f"invalid {name}: a number from {low:g} to {high:g}")
    return number
