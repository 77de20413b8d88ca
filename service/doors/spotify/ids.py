"""Ids of 22 characters for tracks and artists, and the way back from them.

A track is answered under its alias `spotify` where it has one, else under its own id where that
has 22 characters, else, up to 20, under "1" and its own id behind zeros, else under a digest.
Read back: zeros and 1 before an own id, then own ids, then aliases, then digests. `of` gives the
first name that leads back to the track, so no catalogue makes two tracks answer to one name.
"""

import re
from collections.abc import Mapping, Sequence

import anyio
import anyio.to_thread

from service.base62 import minted
from service.domain import Track
from service.model.catalogue import UNKNOWN, Catalogue
from service.model.current import Current
from service.store import Store

WIDTH = 22
BEHIND_ZEROS = re.compile(r"0+1([0-9A-Za-z]{1,20})")
ALIAS = re.compile(r"(?:spotify:track:|https://open\.spotify\.com/track/)?([0-9A-Za-z]{22})")
URI = "spotify:track:"
KIND, ARTIST_KIND = "spotify", "spotify_artist"


class Ids:
    """The names of this catalogue; digests are counted up as it grows."""

    def __init__(self, store: Store, current: Current) -> None:
        self._store, self._current = store, current
        self._digests: dict[str, str] = {}  # of own ids that have no other form
        self._digested = 0  # rows looked at
        self._artists: dict[str, int] = {}
        self._lock = anyio.Lock()

    async def tracks(self, given: Sequence[str]) -> dict[str, str]:
        """Own ids of the given names; those nobody has are left out."""
        catalogue, found = self._current.catalogue, dict[str, str]()
        for name in given:
            own = unpadded(name)
            if own is not None and catalogue.knows(own):
                found[name] = own
            elif catalogue.knows(name):
                found[name] = name
        rest = [name for name in given if name not in found and len(name) == WIDTH]
        if rest:
            found |= await self._aliased(rest, catalogue)
            digests = self._digests_of(catalogue)
            left = (name for name in rest if name not in found and name in digests)
            found |= {name: digests[name] for name in left}
        return found

    async def of(self, tracks: Sequence[Track]) -> list[str]:
        """The names of these tracks, each 22 characters and leading back."""
        names = [_names(track) for track in tracks]
        leads = await self.tracks([name for several in names for name in several])
        return [
            next((name for name in several if leads.get(name) == track.id), several[-1])
            for several, track in zip(names, tracks, strict=True)
        ]

    async def artists(self, given: Sequence[str]) -> dict[str, int]:
        """Codes of artists; an alias `spotify_artist` of any of their tracks names them too."""
        if not given:
            return {}
        catalogue = self._current.catalogue
        async with self._lock:
            names = catalogue.artist_names.spelled
            if len(self._artists) < len(names):
                self._artists |= await anyio.to_thread.run_sync(
                    _artist_ids, names, len(self._artists)
                )
        found = {name: self._artists[name] for name in given if name in self._artists}
        rest = [name for name in given if name not in found]
        aliased = await self._store.resolve(ARTIST_KIND, rest) if rest else {}
        for name, own in aliased.items():
            row = catalogue.row(own)
            if row is not None and catalogue.artists[row] != UNKNOWN:
                found[name] = int(catalogue.artists[row])
        return found

    async def _aliased(self, names: Sequence[str], catalogue: Catalogue) -> dict[str, str]:
        values = [value for name in names for value in (name, URI + name)]
        known = await self._store.resolve(KIND, values)
        return {
            value.removeprefix(URI): own
            for value, own in sorted(known.items(), reverse=True)  # a bare id counts before a URI
            if catalogue.knows(own)
        }

    def _digests_of(self, catalogue: Catalogue) -> Mapping[str, str]:
        for brief in catalogue.briefs[self._digested :]:
            if _needs_digest(brief.id):
                self._digests[digest(brief.id)] = brief.id
        self._digested = max(self._digested, catalogue.size)
        return self._digests


def artist_id(name: str) -> str:
    """The id of an artist: names that differ by case alone are one."""
    return minted("artist", name.casefold())


def digest(own: str) -> str:
    """The form of an own id that fits in no other."""
    return minted("track", own)


def padded(own: str) -> str:
    """An own id of up to 20 characters as 22."""
    return f"1{own}".rjust(WIDTH, "0")


def unpadded(name: str) -> str | None:
    """The own id behind zeros and a 1; None where there is none."""
    found = BEHIND_ZEROS.fullmatch(name) if len(name) == WIDTH else None
    return found[1] if found else None


def _names(track: Track) -> list[str]:
    """What a track may be called, the best first."""
    alias = ALIAS.fullmatch(track.aliases.get(KIND, ""))
    names = [alias[1]] if alias else []
    if len(track.id) == WIDTH:
        names.append(track.id)
    elif len(track.id) <= WIDTH - 2:
        names.append(padded(track.id))
    return [*names, digest(track.id)]


def _needs_digest(own: str) -> bool:
    """Too long, one too short for a zero, or such as another own id may look behind zeros."""
    return len(own) > WIDTH - 2 and (len(own) != WIDTH or unpadded(own) is not None)


def _artist_ids(names: Sequence[str], start: int) -> dict[str, int]:
    return {artist_id(name): code for code, name in enumerate(names[start:], start)}
