"""Recordings that other systems only name: one track for each, found again by what they call it.

`recording` makes the track a row speaks of, `identified` asks the catalogue whether it has it
already. Whatever knows more about names than this replaces the second.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import structs

from service.base62 import minted
from service.domain import Listen, Track
from service.doors.importers.cell import clean
from service.doors.importers.row import SPOTIFY_ID, Row, RowRejected, track
from service.store import Store

LONGEST_NAME, LONGEST_ALIAS = 500, 200
DAY_MS = 86_400_000


def recording(
    artist: str,
    title: str,
    *,
    album: str = "",
    duration_ms: float | None = None,
    mbid: str = "",
    spotify: str = "",
) -> Track:
    """The track of these names. Its id: Spotify's, else minted from the MBID, else from the names.

    Raises:
        RowRejected: artist or title is missing.
    """
    artist, title = clean(artist)[:LONGEST_NAME], clean(title)[:LONGEST_NAME]
    if not artist or not title:
        raise RowRejected("no title" if artist else "no artist")
    names = f"{folded(artist)}\0{folded(title)}"
    aliases, track_id = {}, minted("recording", names)
    if len(names) <= LONGEST_ALIAS:
        aliases["recording"] = names.replace("\0", " / ")
    if mbid := _uuid(mbid):
        aliases["recording_mbid"], track_id = mbid, minted("recording_mbid", mbid)
    if SPOTIFY_ID.match(spotify):
        aliases["spotify"], track_id = spotify, spotify
    return track(
        id=track_id,
        title=title,
        artist=artist,
        album=clean(album)[:LONGEST_NAME],
        duration_ms=round(duration_ms) if duration_ms and 1 <= duration_ms <= DAY_MS else None,
        aliases=aliases,
    )


def msid(artist: str, title: str, album: str) -> str:
    """What ListenBrainz calls a recording that is only known by names: a UUIDv5 of them."""
    names = "\0".join(folded(name) for name in (artist, title, album))
    return str(uuid5(NAMESPACE_URL, f"echotune:msid:{names}"))


def folded(name: str) -> str:
    """The name as it compares: compatible forms and cases are one."""
    return unicodedata.normalize("NFKC", name).casefold()


async def identified(rows: Sequence[Row], store: Store) -> list[Row]:
    """The rows, each listen of a track the catalogue has, or else with that track to store first.

    A row's own track id counts first, then whatever else it is called.
    """
    named = {row.named.id: row.named for row in rows if row.named}
    unknown = [one for one in named.values() if await store.track(one.id) is None]
    values = defaultdict(set)
    for one in unknown:
        for kind, value in one.aliases.items():
            values[kind].add(value)
    found = {kind: await store.resolve(kind, sorted(some)) for kind, some in values.items()}
    same = {
        one.id: next(filter(None, (found[kind].get(value) for kind, value in known)), None)
        for one in unknown
        if (known := sorted(one.aliases.items(), key=_trust))
    }
    return [_meaning(row, same.get(row.named.id)) if row.named else row for row in rows]


def _meaning(row: Row, track_id: str | None) -> Row:
    if track_id is None or not isinstance(row.made, Listen):
        return structs.replace(row, bare=row.named)
    return structs.replace(row, made=structs.replace(row.made, track_id=track_id))


def _trust(alias: tuple[str, str]) -> bool:
    return alias[0] == "recording"  # names, after whatever is an id


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""
