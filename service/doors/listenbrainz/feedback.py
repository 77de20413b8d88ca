"""Love and hate. The newest verdict counts; taking one back is a verdict of its own: neither."""

from collections.abc import Iterable
from typing import Any

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from service.domain import Action, Listen, milliseconds
from service.doors.identity.claim import Claim
from service.doors.listenbrainz.door import ITEMS, MOST_ITEMS, Door, whole
from service.doors.listenbrainz.history import PAGE, tracks_of
from service.doors.listenbrainz.listening import NOBODY, SOURCE, claim_of, metadata_of
from service.doors.listenbrainz.recommended import mbid_of, track_of
from service.doors.listenbrainz.refusal import AnyRequest, bad
from service.doors.listenbrainz.submission import MOST_BYTES_EACH, Json, is_uuid, read_json
from service.errors import Overloaded
from service.profile.strength import MIDDLE_RATING

SAID: dict[int, Action] = {1: "like", -1: "dislike"}
RATINGS: dict[str, int] = {
    "love": 1,
    "like": 1,
    "dislike": -1,
    "hate": -1,
    "bad_recommendation": -1,
}
VERDICTS = ("like", "dislike", "save", "rating")
KEYS = {"recording_mbid", "recording_msid", "score"}
MOST_PAGES = 20
"""How far back verdicts are looked for: 20,000 listens."""


class FeedbackController(Controller):
    """What users say about recordings."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @post("/1/feedback/recording-feedback", status_code=200, request_max_body_size=MOST_BYTES_EACH)
    async def give(self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]) -> Json:
        """Love (1), hate (-1), or neither any more (0)."""
        user, said = door.user(request), read_json(body)
        if said.keys() - KEYS:
            raise bad("JSON document may only contain recording_mbid, recording_msid and score.")
        mbid, msid = (said.get(key) or "" for key in ("recording_mbid", "recording_msid"))
        if not (mbid or msid) or not all(is_uuid(one) for one in (mbid, msid) if one):
            raise bad("JSON document must contain a valid recording_mbid or recording_msid.")
        score = said.get("score")
        if isinstance(score, bool) or score not in (1, -1, 0):
            raise bad("Feedback can have a value of 1, 0 or -1.")
        track_id = await track_of(door, mbid=mbid, msid=msid)
        return await _say(door, user, track_id, int(score), source=_address(request))

    @post(
        "/1/recommendation/feedback/submit", status_code=200, request_max_body_size=MOST_BYTES_EACH
    )
    async def rate(self, request: AnyRequest, body: RawBody, door: NamedDependency[Door]) -> Json:
        """The same of a recommendation, in five words."""
        user, said = door.user(request), read_json(body)
        if said.keys() != {"recording_mbid", "rating"}:
            raise bad("JSON document must contain recording_mbid and rating, and nothing else.")
        if not is_uuid(said["recording_mbid"]):
            raise bad("recording_mbid MBID format invalid.")
        if said["rating"] not in tuple(RATINGS):
            raise bad(f"Feedback can only have a value of {', '.join(RATINGS)}.")
        track_id = await track_of(door, mbid=said["recording_mbid"])
        score = RATINGS[said["rating"]]
        return await _say(door, user, track_id, score, source=_address(request))

    @get("/1/feedback/user/{name:str}/get-feedback")
    async def given(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """What this user loves and hates, the newest first."""
        user, query = door.reader(request, name), request.query_params
        wanted = query.get("score") or ""
        if wanted not in ("", "1", "-1"):
            raise bad("Score can have a value of 1 or -1.")
        count = whole(query, "count", ITEMS, most=MOST_ITEMS)
        offset = whole(query, "offset", 0)
        said = [
            (listen, score)
            for listen, score in await verdicts(door, user)
            if score and wanted in ("", str(score))
        ]
        page = said[offset : offset + count]
        metadata = (query.get("metadata") or "").lower() == "true"
        return {
            "feedback": await _entries(door, user, page, metadata=metadata),
            "count": len(page),
            "total_count": len(said),
            "offset": offset,
        }

    @get("/1/feedback/user/{name:str}/get-feedback-for-recordings")
    async def asked(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """What this user says of certain recordings; 0 where nothing."""
        user, query = door.reader(request, name), request.query_params
        return await _of_these(
            door, user, _listed(query.get("recording_mbids")), _listed(query.get("recording_msids"))
        )

    @post(
        "/1/feedback/user/{name:str}/get-feedback-for-recordings",
        status_code=200,
        request_max_body_size=1 << 20,
    )
    async def asked_at_length(
        self,
        request: AnyRequest,
        name: FromPath[str],
        body: RawBody,
        door: NamedDependency[Door],
    ) -> Json:
        """The same with more ids than an address can hold."""
        user, said = door.reader(request, name), read_json(body)
        mbids, msids = (said.get(key) or [] for key in ("recording_mbids", "recording_msids"))
        if not isinstance(mbids, list) or not isinstance(msids, list):
            raise bad("recording_mbids and recording_msids must be lists.")
        return await _of_these(door, user, mbids, msids)


async def verdicts(door: Door, user: str) -> list[tuple[Listen, int]]:
    """The newest verdict on each track, newest first: 1, -1, or 0 for taken back."""
    found: dict[str, tuple[Listen, int]] = {}
    before = None
    for _ in range(MOST_PAGES):
        listens = await door.store.recent(user, PAGE, before=before)
        for listen in listens:
            if listen.action in VERDICTS:
                found.setdefault(listen.track_id, (listen, _score(listen)))
        if len(listens) < PAGE:
            break
        before = (listens[-1].at, listens[-1].id)
    return list(found.values())


async def _say(door: Door, user: str, track_id: str, score: int, *, source: str) -> Json:
    now = door.ingest.now()
    listen = Listen(
        user_id=user,
        track_id=track_id,
        action=SAID.get(score, "rating"),
        rating=None if score else MIDDLE_RATING,
        at=now,
        source=SOURCE,
    )
    receipt = await door.ingest.take_feedback(listen, source=source)
    if receipt.rejected:
        raise Overloaded(receipt.rejected[0].error)
    return {"status": "ok"}


def _score(listen: Listen) -> int:
    match listen.action:
        case "like" | "save":
            return 1
        case "dislike":
            return -1
        case _:
            above = (listen.rating or MIDDLE_RATING) - MIDDLE_RATING
            return (above > 0) - (above < 0)


async def _of_these(door: Door, user: str, mbids: list[Any], msids: list[Any]) -> Json:
    if not mbids and not msids:
        raise bad("'recording_mbids' or 'recording_msids' has no valid recording id.")
    if len(mbids) + len(msids) > MOST_ITEMS or not all(map(is_uuid, (*mbids, *msids))):
        raise bad("recording_mbids or recording_msids hold what is no id, or more than 1000.")
    said = {listen.track_id: pair for pair in await verdicts(door, user) if (listen := pair[0])}
    by_mbid = await door.resolver.find_all("recording_mbid", mbids)
    by_msid = await door.resolver.find_all("msid", msids)
    entries = []
    for key, ids, known in (
        ("recording_mbid", mbids, by_mbid),
        ("recording_msid", msids, by_msid),
    ):
        for one in ids:
            track_id = known.get(one) or door.stand.track_id(one, door.current.catalogue)
            _, score = said.get(track_id or "", (None, 0))
            empty = {"recording_mbid": None, "recording_msid": None}
            entries.append({**empty, "user_id": user, key: one, "score": score})
    return {"feedback": entries}


async def _entries(
    door: Door, user: str, said: Iterable[tuple[Listen, int]], *, metadata: bool
) -> list[Json]:
    said = list(said)
    tracks = await tracks_of(door, [listen.track_id for listen, _ in said])
    entries = []
    for listen, score in said:
        track = tracks.get(listen.track_id, NOBODY)
        claim: Claim = claim_of(track)
        entry: Json = {
            "user_id": user,
            "recording_msid": claim.msid,
            "recording_mbid": mbid_of(track),
            "score": score,
            "created": milliseconds(listen.at) // 1_000,
        }
        if metadata:
            entry["track_metadata"] = metadata_of(track)
        entries.append(entry)
    return entries


def _listed(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").split(",") if one.strip()]


def _address(request: AnyRequest) -> str:
    return request.client.host if request.client else ""
