"""Recordings that other systems only name, and the tracks of the catalogue that they mean."""

from collections import defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from msgspec import structs

from service.domain import Listen, Track
from service.doors.identity import Claim, Resolver
from service.doors.importers.cell import clean
from service.doors.importers.row import Row, RowRejected

LONGEST_NAME = 500
DAY_MS = 86_400_000
KEPT = 1 << 15
"""Claims that are held on to: their keys are made once, however often something was played."""


@lru_cache(KEPT)
def recording(
    artist: str,
    title: str,
    *,
    album: str = "",
    duration_ms: float | None = None,
    mbid: str = "",
    spotify: str = "",
    isrc: str = "",
) -> Claim:
    """What a row says of a recording; ids that are none are left out.

    Raises:
        RowRejected: artist or title is missing.
    """
    artist, title = clean(artist)[:LONGEST_NAME], clean(title)[:LONGEST_NAME]
    if not artist or not title:
        raise RowRejected("no title" if artist else "no artist")
    return Claim(
        artist=artist,
        title=title,
        album=clean(album)[:LONGEST_NAME],
        recording_mbid=_uuid(mbid),
        isrc=isrc or None,
        spotify_id=spotify or None,
        duration_ms=round(duration_ms) if duration_ms and 1 <= duration_ms <= DAY_MS else None,
    )


async def identified(rows: Sequence[Row], resolver: Resolver, known: Container[str]) -> list[Row]:
    """The rows, each listen of the track that is meant.

    Whatever others name is resolved as everywhere else, and is in the catalogue afterwards. A track
    of an own export is the one with its id, else the one with an id it has elsewhere; if there is
    neither, it comes with its row to be stored first as it was. Its names are not asked: two tracks
    that are called the same would come back as one.

    Raises:
        StoreUnavailable, BusUnavailable, Overloaded: doing so again is harmless.
    """
    claims = list(dict.fromkeys(row.of for row in rows if isinstance(row.of, Claim)))
    tracks = {row.of.id: row.of for row in rows if isinstance(row.of, Track)}
    new = {track_id: one for track_id, one in tracks.items() if track_id not in known}
    meant = await _elsewhere(new.values(), resolver)
    if claims:
        meant |= zip(claims, await resolver.resolve(claims), strict=True)
    return [_meaning(row, meant, new) for row in rows]


async def _elsewhere(tracks: Collection[Track], resolver: Resolver) -> dict[Claim | str, str]:
    """By the ids of these, the tracks that have an alias of theirs."""
    values = defaultdict[str, set[str]](set)
    for one in tracks:
        for kind, value in one.aliases.items():
            values[kind].add(value)
    found = {
        (kind, value): track_id
        for kind, some in values.items()
        for value, track_id in (await resolver.find_all(kind, sorted(some))).items()
    }
    return {
        one.id: found[alias] for one in tracks for alias in one.aliases.items() if alias in found
    }


def _meaning(row: Row, meant: Mapping[Claim | str, str], new: Mapping[str, Track]) -> Row:
    if row.of is None or not isinstance(row.made, Listen):
        return row
    track_id = meant.get(row.of if isinstance(row.of, Claim) else row.of.id)
    if track_id is not None:
        return structs.replace(row, made=structs.replace(row.made, track_id=track_id))
    return structs.replace(row, bare=new.get(row.made.track_id))


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
