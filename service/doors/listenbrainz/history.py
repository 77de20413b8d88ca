"""Listens in and out: submit, list, count, now playing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from service.domain import EPOCH, Listen, Track, milliseconds
from service.doors.listenbrainz.door import ITEMS, MOST_ITEMS, Door, whole
from service.doors.listenbrainz.listening import NOBODY, listen_id, names_of, shown, to_listen
from service.doors.listenbrainz.refusal import AnyRequest, bad
from service.doors.listenbrainz.submission import (
    MOST_BYTES,
    MOST_BYTES_EACH,
    Json,
    Submission,
    is_uuid,
    read_json,
    read_submission,
)
from service.errors import Overloaded

PAGE = 1_000
FIRST_COUNT = 10_000


class HistoryController(Controller):
    """What was and is listened to."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @post("/1/submit-listens", status_code=200, request_max_body_size=MOST_BYTES)
    async def submit(self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]) -> Json:
        """Take listens in; what came before is no error and counts once."""
        user = door.user(request)
        submission = read_submission(body, door.clock())
        if submission.listen_type == "playing_now":
            (played,) = submission.played
            door.playing.put(user, played)
            return {"status": "ok", "recording_msid": played.claim.msid}
        await take(door, user, submission, source=request.client.host if request.client else "")
        if request.query_params.get("return_msid") == "true":
            return {"status": "ok", "recording_msid": submission.played[0].claim.msid}
        return {"status": "ok"}

    @get("/1/validate-token")
    async def validate(self, request: AnyRequest, door: NamedDependency[Door]) -> Json:
        """Whose token it is; in the header or, as old clients do, in the query."""
        token = request.query_params.get("token")
        if not token:
            token = request.headers.get("authorization", "").partition(" ")[2].strip()
        if not token:
            raise bad("You need to provide an Authorization token.")
        user = door.tokens.user(token)
        if user is None:
            return {"code": 200, "message": "Token invalid.", "valid": False}
        return {"code": 200, "message": "Token valid.", "valid": True, "user_name": user}

    @get("/1/user/{name:str}/listens")
    async def listens(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """Plays, newest first; between `min_ts` and `max_ts`, neither of them included."""
        user, query = door.reader(request, name), request.query_params
        count = whole(query, "count", ITEMS, most=MOST_ITEMS)
        max_ts, min_ts = whole(query, "max_ts", 0), whole(query, "min_ts", 0)
        if max_ts and min_ts and max_ts <= min_ts:
            raise bad("max_ts should be greater than min_ts")
        found = [one async for one in _between(door, user, min_ts, max_ts, count)]
        found = found[-count:] if min_ts and count else found[:count]  # those next to `min_ts`
        tracks = await tracks_of(door, [listen.track_id for listen in found])
        listens = [shown(one, tracks.get(one.track_id, NOBODY)) for one in found]
        stamps = [one["listened_at"] for one in listens]
        newest = [one async for one in plays(door, user, most=1)]
        latest = shown(newest[0], NOBODY)["listened_at"] if newest else 0
        return {
            "payload": {
                "count": len(listens),
                "user_id": user,
                "latest_listen_ts": latest,
                "oldest_listen_ts": min(stamps, default=0),
                "listens": listens,
            }
        }

    @post("/1/delete-listen", status_code=200, request_max_body_size=MOST_BYTES_EACH)
    async def delete(self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]) -> Json:
        """Drop one listen, at once; one that is not there is no error, as with the original."""
        user, said = door.user(request), read_json(body)
        listened_at, msid = said.get("listened_at"), said.get("recording_msid")
        if isinstance(listened_at, bool) or not isinstance(listened_at, int):
            raise bad("Listen timestamp missing or invalid.")
        if not is_uuid(msid):
            raise bad("Recording MSID missing or invalid.")
        await _forget(door, user, listened_at, str(msid).lower())
        return {"status": "ok"}

    @get("/1/user/{name:str}/listen-count")
    async def count(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """How many plays there are."""
        user = door.reader(request, name)
        total = 0
        async for listen in plays(door, user, page=FIRST_COUNT):
            total += listen.plays
        return {"payload": {"count": total}}

    @get("/1/user/{name:str}/playing-now")
    async def playing_now(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """What this user plays right now, as it was sent."""
        user = door.reader(request, name)
        played = door.playing.of(user)
        listens = []
        if played is not None:
            metadata = {**played.metadata}
            metadata["additional_info"] = {
                **metadata["additional_info"],
                "recording_msid": played.claim.msid,
            }
            listens = [{"track_metadata": metadata, "user_name": user, "playing_now": True}]
        return {
            "payload": {
                "count": len(listens),
                "user_id": user,
                "playing_now": True,
                "listens": listens,
            }
        }

    @post("/1/playing-now/delete", status_code=200)
    async def stop(self, request: AnyRequest, door: NamedDependency[Door]) -> Json:
        """Nothing is played any more."""
        door.playing.forget(door.user(request))
        return {"status": "ok"}


async def take(door: Door, user: str, submission: Submission, *, source: str) -> None:
    """Resolve, then store and tell: what returns is durable and in the next list.

    Raises:
        Overloaded: not all of it could be taken in; sending all of it again is harmless.
        StoreUnavailable, BusUnavailable, RateLimited
    """
    track_ids = await door.resolver.resolve([one.claim for one in submission.played])
    latest_s = (door.clock() - EPOCH) // timedelta(seconds=1)
    listens = [
        to_listen(user, track_id, played, latest_s=latest_s)
        for track_id, played in zip(track_ids, submission.played, strict=True)
    ]
    receipt = await door.ingest.take(listens, source=source)
    if receipt.rejected:
        raise Overloaded(receipt.rejected[0].error)


async def plays(
    door: Door,
    user: str,
    *,
    before: tuple[datetime, str] | None = None,
    page: int = PAGE,
    most: int | None = None,
) -> AsyncIterator[Listen]:
    """Plays of a user, newest first; verdicts and skips are none."""
    left = most
    while True:
        found = await door.store.recent(user, page, before=before)
        for listen in found:
            if listen.action == "play":
                yield listen
                left = None if left is None else left - 1
                if left == 0:
                    return
        if len(found) < page:
            return
        before = (found[-1].at, found[-1].id)


async def _forget(door: Door, user: str, listened_at: int, msid: str) -> None:
    """By its id if it came in here, else by what it is shown as."""
    if await door.accounts.forget_listen(user, listen_id(listened_at, msid)):
        return
    before = (_moment(max(listened_at, 0) + 1), "")
    async for listen in plays(door, user, before=before):
        if milliseconds(listen.at) // 1_000 < listened_at:
            return
        tracks = await tracks_of(door, [listen.track_id])
        if names_of(listen, tracks.get(listen.track_id, NOBODY)) == (listened_at, msid):
            await door.accounts.forget_listen(user, listen.id)
            return


async def tracks_of(door: Door, track_ids: list[str]) -> dict[str, Track]:
    """Tracks by id; those that are not there are left out."""
    wanted = list(dict.fromkeys(track_ids))
    found = await asyncio.gather(*map(door.store.track, wanted))
    return {one.id: one for one in found if one is not None}


async def _between(
    door: Door, user: str, min_ts: int, max_ts: int, count: int
) -> AsyncIterator[Listen]:
    """Plays after `min_ts` and before `max_ts`, 0 for neither; without `min_ts` `count` at most."""
    before = (_moment(max_ts), "") if max_ts else None
    after = _moment(min_ts)
    async for listen in plays(door, user, before=before, most=None if min_ts else count or None):
        if min_ts and listen.at <= after:
            return
        yield listen


def _moment(seconds: int) -> datetime:
    """A time that the store takes; beyond the year 9999 it is the end of that."""
    return EPOCH + timedelta(seconds=min(seconds, 253_402_300_799))
