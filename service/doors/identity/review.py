"""What an operator sees of names that were not certain, and settles: assign, merge, split.

A merge makes the tracks one work under one set of names, and every name and id of the first means
the second from then on. Listens stay where they are and count for that work: none is lost, and a
split takes it all back.
"""

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct, structs

from service.domain import Track
from service.doors.identity.claim import Claim
from service.doors.identity.index import made_of_names
from service.doors.identity.resolver import NAMED, NEAR, Resolver
from service.errors import Invalid, UnknownTrack
from service.learn.shelf import Shelf
from service.store import Store

SETTLED = "settled"
WAS = "was"  # value: track id, kind and value of an alias that a merge took from that track
MERGED = "merged"  # value: the track as it was


class Unresolved(Struct, frozen=True, omit_defaults=True):
    """Names that were guessed (`score` below 1) or made a track of (no `score`)."""

    artist: str
    title: str
    track_id: str
    score: float | None = None


class Review:
    """Over the alias table, which holds all there is to know about names."""

    def __init__(self, store: Store, shelf: Shelf, resolver: Resolver) -> None:
        self._store, self._shelf, self._resolver = store, shelf, resolver

    async def unresolved(self) -> list[Unresolved]:
        """Guesses, the least certain first, then tracks made of names, by artist and title."""
        settled, guessed, made = set[str](), list[Unresolved](), list[str]()
        async for kind, value, track_id in self._aliases():
            if kind == SETTLED:
                settled.add(value)
            elif kind == NEAR:
                score, artist, title = value.split("\t", 2)
                guessed.append(Unresolved(artist, title, track_id, float(score)))
            elif kind == NAMED and track_id == made_of_names(value):
                made.append(track_id)
        tracks = [track for one in made if (track := await self._store.track(one)) is not None]
        named = [Unresolved(track.artist, track.title, track.id) for track in tracks]
        found = [
            *sorted(guessed, key=lambda one: (one.score, one.artist, one.title)),
            *sorted(named, key=lambda one: (one.artist, one.title)),
        ]
        return [one for one in found if _key(one) not in settled]

    async def assign(self, artist: str, title: str, track_id: str) -> int:
        """These names mean that track; how many aliases that changed.

        Raises:
            UnknownTrack: there is no such track.
        """
        claim = Claim(artist=artist, title=title)
        into, current = await self._track(track_id), await self._resolver.look_up(claim)
        moved = 0
        if current == claim.new_id != into.id:
            moved = await self.merge(current, into.id)
        names = [(NAMED, claim.key), ("msid", claim.msid), (SETTLED, claim.key)]
        await self._store.put_aliases([(*name, into.id) for name in names])
        return moved + len(names)

    async def merge(self, track_id: str, into_id: str) -> int:
        """All that the first is called means the second; how many aliases that changed.

        Raises:
            UnknownTrack
            Invalid: it would be merged into itself, or it is merged already.
        """
        merged = await self._merged()
        while into_id in merged:
            into_id = merged[into_id]
        if track_id == into_id:
            raise Invalid("a track cannot be merged into itself")
        if track_id in merged:
            raise Invalid(f"{track_id!r} is merged into {merged[track_id]!r}: split it first")
        track, into = await self._track(track_id), await self._track(into_id)
        moved = [(kind, value) async for kind, value in self._called(track_id)]
        as_it_was = msgspec.json.encode(track).decode()
        kept = [(WAS, f"{track_id}\t{kind}\t{value}", into_id) for kind, value in moved]
        await self._store.put_aliases([*kept, (MERGED, as_it_was, into_id)])
        one_work = structs.replace(into, id=track_id, aliases={})
        grown = structs.replace(into, aliases=track.aliases | into.aliases)
        await self._shelf.put([one_work, grown])
        await self._store.put_aliases([(*name, into_id) for name in moved])
        return len(moved)

    async def split(self, track_id: str) -> int:
        """Take a merge of this track back; how many aliases are its own again.

        Raises:
            Invalid: it was never merged.
        """
        was, mine = None, list[tuple[str, str]]()
        async for kind, value, into_id in self._aliases():
            if kind == MERGED and into_id != track_id:
                before = msgspec.json.decode(value, type=Track)
                was = (before, into_id) if before.id == track_id else was
            elif kind == WAS and value.startswith(f"{track_id}\t"):
                _, alias_kind, alias_value = value.split("\t", 2)
                mine.append((alias_kind, alias_value))
        if was is None:
            raise Invalid(f"{track_id!r} was never merged into another track")
        track, into_id = was
        into = await self._track(into_id)
        own = {k: v for k, v in into.aliases.items() if track.aliases.get(k) != v}
        await self._shelf.put([track, structs.replace(into, aliases=own)])
        undone = (MERGED, msgspec.json.encode(track).decode(), track_id)
        await self._store.put_aliases([*((*name, track_id) for name in mine), undone])
        return len(mine)

    async def _merged(self) -> dict[str, str]:
        """Which track means which other, as merges stand."""
        return {
            msgspec.json.decode(value, type=Track).id: into_id
            async for kind, value, into_id in self._aliases()
            if kind == MERGED and msgspec.json.decode(value, type=Track).id != into_id
        }

    async def _track(self, track_id: str) -> Track:
        track = await self._store.track(track_id)
        if track is None:
            raise UnknownTrack(f"there is no track {track_id!r}")
        return track

    async def _called(self, track_id: str) -> AsyncIterator[tuple[str, str]]:
        async for kind, value, one in self._aliases():
            if one == track_id and kind not in (WAS, MERGED, SETTLED, NEAR):
                yield kind, value

    async def _aliases(self) -> AsyncIterator[tuple[str, str, str]]:
        async for batch in self._store.aliases():
            for alias in batch:
                yield alias


def _key(one: Unresolved) -> str:
    return Claim(artist=one.artist, title=one.title).key
