"""What an operator sees of names that were not certain, and settles: assign, merge, split.

A merge makes the tracks one work under one set of names, and every name and id of the first means
the second from then on. Listens stay where they are and count for that work: none is lost, and a
split takes it all back.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable

import msgspec
from msgspec import Struct, field, structs

from service.domain import Track
from service.doors.identity.claim import Claim
from service.doors.identity.index import made_of_names
from service.doors.identity.resolver import NAMED, NEAR, Resolver
from service.errors import Invalid, UnknownTrack
from service.learn.shelf import Shelf
from service.store import Store

SETTLED = "settled"
WAS = "was"  # value: track id, kind and value of a name of that track; it leads there once split
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
        merges = await self._merges()
        into_id = merges.end(into_id)
        if track_id == into_id:
            raise Invalid("a track cannot be merged into itself")
        if track_id in merges.into:
            raise Invalid(f"{track_id!r} is merged into {merges.into[track_id]!r}: split it first")
        track, into = await self._track(track_id), await self._track(into_id)
        moved = [name async for name in self._called(track_id)]
        as_it_was = msgspec.json.encode(track).decode()
        of_others = merges.names_of(merges.into)
        kept = [
            (WAS, f"{track_id}\t{kind}\t{value}", into_id)
            for kind, value in moved
            if (kind, value) not in of_others
        ]
        await self._store.put_aliases([*kept, (MERGED, as_it_was, into_id)])
        grown = structs.replace(into, aliases=track.aliases | into.aliases)
        await self._shelf.put([*_one_work(into, [track_id, *merges.before(track_id)]), grown])
        await self._store.put_aliases([(*name, into_id) for name in moved])
        return len(moved)

    async def split(self, track_id: str) -> int:
        """Take a merge of this track back; how many aliases are its own again.

        Raises:
            Invalid: it was never merged.
        """
        merges = await self._merges()
        if track_id not in merges.into:
            raise Invalid(f"{track_id!r} was never merged into another track")
        track, into = merges.was[track_id], await self._track(merges.end(track_id))
        before = merges.before(track_id)
        mine, with_them = merges.names_of([track_id]), merges.names_of([track_id, *before])
        alone = {k: v for k, v in track.aliases.items() if (k, v) in with_them}
        left = {k: v for k, v in into.aliases.items() if (k, v) not in with_them}
        again = structs.replace(track, aliases=alone)
        others = _one_work(again, before)
        await self._shelf.put([again, *others, structs.replace(into, aliases=left)])
        undone = [(WAS, f"{track_id}\t{kind}\t{value}", track_id) for kind, value in sorted(mine)]
        undone.append((MERGED, msgspec.json.encode(track).decode(), track_id))
        await self._store.put_aliases([*((*name, track_id) for name in sorted(with_them)), *undone])
        return len(with_them)

    async def _merges(self) -> "_Merges":
        found = _Merges()
        async for kind, value, track_id in self._aliases():
            if kind == MERGED and (track := msgspec.json.decode(value, type=Track)).id != track_id:
                found.was[track.id], found.into[track.id] = track, track_id
            elif kind == WAS:
                owner, of_kind, name = value.split("\t", 2)
                if owner != track_id:
                    found.own[owner].add((of_kind, name))
        return found

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


class _Merges(Struct):
    """Merges as they stand: tracks as they were, what each means, and names of their own."""

    was: dict[str, Track] = field(default_factory=dict)
    into: dict[str, str] = field(default_factory=dict)
    own: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))

    def end(self, track_id: str) -> str:
        """The track that this one means, through all merges."""
        while track_id in self.into:
            track_id = self.into[track_id]
        return track_id

    def before(self, track_id: str) -> list[str]:
        """The tracks that were merged into this one, and into those."""
        firsts = [one for one, into in self.into.items() if into == track_id]
        return [*firsts, *(two for one in firsts for two in self.before(one))]

    def names_of(self, track_ids: Iterable[str]) -> set[tuple[str, str]]:
        """What these are called themselves, each by (kind, value)."""
        return {name for one in track_ids for name in self.own[one]}


def _one_work(track: Track, track_ids: Iterable[str]) -> list[Track]:
    """These tracks under the names of `track`, so that all of them are recordings of its work."""
    return [structs.replace(track, id=one, aliases={}) for one in track_ids]


def _key(one: Unresolved) -> str:
    return Claim(artist=one.artist, title=one.title).key
