"""From what somebody says a recording is called to the track that is meant.

In this order: an id that is in the alias table, the very same names as before, a recording of the
same work in the catalogue, the one track that is almost called so. Whatever is none of these is put
into the catalogue under its names, so that no listen is lost; `review` shows it to the operator.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import anyio.to_thread
from msgspec import Struct, structs

from service.domain import Track
from service.doors.identity.claim import Claim
from service.doors.identity.index import Index, Match
from service.learn.shelf import Shelf
from service.model.catalogue import Catalogue
from service.store import Store

MSID, NAMED, NEAR, ARTIST = "msid", "named", "near", "artist_mbid"
"""Kinds of alias: a message id; the key of a work; a guess, whose value begins with its score;
an artist, by a track of theirs."""
AT_ONCE = 100
"""Tracks that may be read into the index, or a fifth as many names be looked for, on the loop."""
LONGEST = 200


class Pending(Struct):
    """What has to be written when all claims of a batch are resolved."""

    tracks: dict[str, Track] = {}
    aliases: dict[tuple[str, str], str] = {}


class Resolver:
    """Resolves claims. What it answers stays: the same names are the same track next time."""

    def __init__(self, store: Store, shelf: Shelf, catalogue: Callable[[], Catalogue]) -> None:
        self._store, self._shelf, self._catalogue = store, shelf, catalogue
        self._index, self._one_at_a_time = Index(), asyncio.Lock()

    async def resolve(self, claims: Sequence[Claim]) -> list[str]:
        """The track id of each claim, all of them durable and in the catalogue.

        Raises:
            StoreUnavailable, BusUnavailable, Overloaded: resolving the same again is harmless.
        """
        known = await self._known(claims)
        pending = Pending()
        found = [self._from(known, claim) for claim in claims]
        missing = {c.msid: c for c, one in zip(claims, found, strict=True) if one is None}
        matches = await self._by_name(list(missing.values())) if missing else {}
        ids = []
        for claim, one in zip(claims, found, strict=True):
            track_id = one or self._named(claim, matches[claim.msid], pending)
            ids.append(track_id)
            wanted = ((MSID, claim.msid), *claim.ids, *_artist(claim))
            pending.aliases.update({alias: track_id for alias in wanted if alias not in known})
        await self._write(pending, zip(claims, ids, strict=True), known)
        return ids

    async def find(self, kind: str, value: str) -> str | None:
        """The track of one alias."""
        return (await self._store.resolve(kind, [value])).get(value)

    async def find_all(self, kind: str, values: Sequence[str]) -> dict[str, str]:
        """The tracks of several aliases of a kind; unknown ones are left out."""
        return await self._store.resolve(kind, list(values)) if values else {}

    async def look_up(self, claim: Claim) -> str | None:
        """The track that `resolve` would answer, if there is one; nothing is written."""
        known = await self._known([claim])
        if (one := self._from(known, claim)) is not None:
            return one
        match = (await self._by_name([claim]))[claim.msid]
        return match.track_id if match else None

    async def _known(self, claims: Iterable[Claim]) -> dict[tuple[str, str], str]:
        asked: dict[str, set[str]] = {}
        for claim in claims:
            names = ((MSID, claim.msid), (NAMED, claim.key), *_artist(claim))
            for kind, value in (*claim.ids, *names):
                asked.setdefault(kind, set()).add(value)
        answers = await asyncio.gather(
            *(self._store.resolve(kind, sorted(values)) for kind, values in asked.items())
        )
        return {
            (kind, value): track_id
            for kind, answer in zip(asked, answers, strict=True)
            for value, track_id in answer.items()
        }

    def _from(self, known: dict[tuple[str, str], str], claim: Claim) -> str | None:
        aliases = (*claim.ids, (NAMED, claim.key), (MSID, claim.msid))
        return next((known[alias] for alias in aliases if alias in known), None)

    async def _by_name(self, claims: list[Claim]) -> dict[str, Match | None]:
        """By message id; in a thread when it is long work, one at a time: the index grows in it."""
        async with self._one_at_a_time:
            catalogue = self._catalogue()
            if self._index.behind(catalogue) + 5 * len(claims) < AT_ONCE:
                return self._search(claims, catalogue)
            return await anyio.to_thread.run_sync(self._search, claims, catalogue)

    def _search(self, claims: list[Claim], catalogue: Catalogue) -> dict[str, Match | None]:
        self._index.follow(catalogue)
        return {
            claim.msid: self._index.exact(claim.key, claim.title, catalogue)
            or self._index.near(claim.key, claim.artist, catalogue)
            for claim in claims
        }

    def _named(self, claim: Claim, match: Match | None, pending: Pending) -> str:
        """The track of these names, which may have to be made."""
        if match is None:
            pending.tracks.setdefault(claim.new_id, self._made(claim))
            pending.aliases[NAMED, claim.key] = claim.new_id
            return claim.new_id
        if match.score < 1:
            pending.aliases[NAMED, claim.key] = match.track_id
            pending.aliases[
                NEAR, f"{match.score:.4f}\t{_line(claim.artist)}\t{_line(claim.title)}"
            ] = match.track_id
        return match.track_id

    def _made(self, claim: Claim) -> Track:
        """A track out of names; its artist is written as the catalogue writes it."""
        artist = self._index.artists.name(claim.key.partition("\t")[2]) or claim.artist
        aliases = {kind: value for kind, value in claim.ids if len(value) <= LONGEST}
        return Track(
            id=claim.new_id,
            title=claim.title,
            artist=artist,
            album=claim.album,
            duration_ms=claim.duration_ms,
            aliases=aliases,
        )

    async def _write(
        self,
        pending: Pending,
        resolved: Iterable[tuple[Claim, str]],
        known: dict[tuple[str, str], str],
    ) -> None:
        """Tracks first: an alias must never name what is not there."""
        for claim, track_id in resolved:
            if any(alias not in known for alias in claim.ids):
                await self._learn_ids(claim, track_id, pending)
        if pending.tracks:
            await self._shelf.put(list(pending.tracks.values()))
        if pending.aliases:
            await self._store.put_aliases([(*alias, to) for alias, to in pending.aliases.items()])

    async def _learn_ids(self, claim: Claim, track_id: str, pending: Pending) -> None:
        """A track is told ids it lacks: whoever reads it can name it to others by them."""
        track = pending.tracks.get(track_id) or await self._store.track(track_id)
        if track is not None and (new := dict(claim.ids).keys() - track.aliases.keys()):
            aliases = track.aliases | {k: v for k, v in claim.ids if k in new}
            pending.tracks[track_id] = structs.replace(track, aliases=aliases)


def _line(text: str) -> str:
    return " ".join(text.split())


def _artist(claim: Claim) -> tuple[tuple[str, str], ...]:
    """An artist's MBID leads to a track of theirs, whose artist is what they are called here."""
    return ((ARTIST, claim.artist_mbid.lower()),) if claim.artist_mbid else ()
