"""What a user wants to hear nothing of, for good or until a time."""

from datetime import datetime, timedelta
from typing import Literal

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import Struct

from service.domain import EPOCH, Blocked, Lapse, UserSettings, milliseconds
from service.doors.listenbrainz.door import ITEMS, MOST_ITEMS, Door, whole
from service.doors.listenbrainz.history import tracks_of
from service.doors.listenbrainz.recommended import mbid_of, track_of
from service.doors.listenbrainz.refusal import AnyRequest, bad
from service.doors.listenbrainz.submission import MOST_BYTES_EACH, Json, is_uuid, read_json
from service.errors import UnknownTrack

KEYS = {"entity", "entity_mbid", "until"}
ENTITIES: dict[str, Literal["track", "artist"]] = {"recording": "track", "artist": "artist"}


class Named(Struct, frozen=True):
    """A track by its id or an artist by their name, as blocks have them."""

    kind: Literal["track", "artist"]
    name: str


class BlockController(Controller):
    """Do not recommend."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @post("/1/do-not-recommend/add", status_code=200, request_max_body_size=MOST_BYTES_EACH)
    async def add(self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]) -> Json:
        """Block a recording or an artist."""
        user, said = door.user(request), read_json(body)
        until, named = _until(said.get("until")), await _named(door, said)
        known = await door.store.user(user)
        blocked = _without(known.blocked if known else Blocked(), named)
        lapses = (Lapse(kind=named.kind, name=named.name, at=until),) if until else ()
        changed = Blocked(
            tracks=(*blocked.tracks, *([named.name] if named.kind == "track" else [])),
            artists=(*blocked.artists, *([named.name] if named.kind == "artist" else [])),
            genres=blocked.genres,
            until=(*blocked.until, *lapses),
        )
        await door.accounts.change(user, UserSettings(blocked=changed))
        return {"status": "ok"}

    @post("/1/do-not-recommend/remove", status_code=200, request_max_body_size=MOST_BYTES_EACH)
    async def remove(self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]) -> Json:
        """Block it no longer; what was not blocked is no error."""
        user, said = door.user(request), read_json(body)
        named, known = await _named(door, said), await door.store.user(user)
        if known is not None:
            changed = _without(known.blocked, named)
            await door.accounts.change(user, UserSettings(blocked=changed))
        return {"status": "ok"}

    @get("/1/do-not-recommend/user/{name:str}")
    async def blocked(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """What is blocked now: recordings by MBID, artists by name, as their MBID is not kept."""
        user, query = door.reader(request, name), request.query_params
        count, offset = whole(query, "count", ITEMS, most=MOST_ITEMS), whole(query, "offset", 0)
        known = await door.store.user(user)
        blocked, now = known.blocked if known else Blocked(), door.clock()
        lapses = {(one.kind, one.name): one.at for one in blocked.until}
        named = [
            *(Named("track", one) for one in blocked.tracks),
            *(Named("artist", one) for one in blocked.artists),
        ]
        live = [one for one in named if lapses.get((one.kind, one.name), now) >= now]
        tracks = await tracks_of(door, [one.name for one in live if one.kind == "track"])
        results: list[Json] = []
        for one in live[offset : offset + count]:
            at, track = lapses.get((one.kind, one.name)), tracks.get(one.name)
            results.append(
                {
                    "entity": "recording" if one.kind == "track" else "artist",
                    "entity_mbid": mbid_of(track) if one.kind == "track" and track else None,
                    "name": one.name if one.kind == "artist" else track.title if track else "",
                    "until": milliseconds(at) // 1_000 if at else None,
                }
            )
        total = {"count": len(results), "total_count": len(live), "offset": offset}
        return {"user_id": user, "results": results, **total}


async def _named(door: Door, said: Json) -> Named:
    if said.keys() - KEYS:
        raise bad("JSON document may only contain entity, entity_mbid and until.")
    entity, mbid = said.get("entity"), said.get("entity_mbid")
    if entity not in ("artist", "release", "release_group", "recording"):
        raise bad("Value for key entity is invalid: artist, release, release_group or recording.")
    if not is_uuid(mbid):
        raise bad("Value for key entity_mbid is invalid.")
    if entity not in ENTITIES:
        raise bad("This server blocks recordings and artists, no releases.")
    if ENTITIES[entity] == "track":
        return Named("track", await track_of(door, mbid=str(mbid)))
    track_id = await door.resolver.find("artist_mbid", str(mbid).lower())
    track = await door.store.track(track_id) if track_id else None
    if track is None:
        raise UnknownTrack("no artist with this id was ever listened to here")
    return Named("artist", track.artist)


def _until(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 253_402_300_800:
        raise bad("Value for key until is invalid, should be a timestamp in seconds.")
    return EPOCH + timedelta(seconds=value)


def _without(blocked: Blocked, named: Named) -> Blocked:
    return Blocked(
        tracks=tuple(one for one in blocked.tracks if Named("track", one) != named),
        artists=tuple(one for one in blocked.artists if Named("artist", one) != named),
        genres=blocked.genres,
        until=tuple(one for one in blocked.until if Named(one.kind, one.name) != named),
    )
