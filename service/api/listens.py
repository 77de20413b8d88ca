"""POST /v1/listens and /v1/feedback: 202 only when everything accepted is durable."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import RawBody
from msgspec import Meta, Struct

from service.api.contract import AnyRequest, decode, documents
from service.api.scopes import check_user, scope
from service.domain import Listen, TrackId, UserId, Utc
from service.errors import Invalid, InvalidListen
from service.learn.ingest import Ingest, Receipt, Rejected

MOST_LISTENS = 1_000
LISTENS_BYTES = 2_000_000
BODY_BYTES = 64 << 10


class Feedback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user says about a track; now, unless `at` says otherwise."""

    user_id: UserId
    track_id: TrackId
    action: Literal["like", "dislike", "skip", "save", "rating"]
    rating: Annotated[float, Meta(ge=0.5, le=5)] | None = None
    at: Utc | None = None


_raw_listens = msgspec.json.Decoder(list[msgspec.Raw])
_listen = msgspec.json.Decoder(Listen)
_feedback = msgspec.json.Decoder(Feedback)


class ListenController(Controller):
    """Events in."""

    tags = ("events in",)

    opt = scope("events:write", whose="asked")

    @post(
        "/v1/listens",
        status_code=202,
        operation_id="addListens",
        operation_class=documents(body=Listen | list[Listen]),
        request_max_body_size=LISTENS_BYTES,
    )
    async def add_listens(
        self, request: AnyRequest, body: RawBody, ingest: NamedDependency[Ingest]
    ) -> Receipt:
        """One listen or up to 1,000, each with its own verdict; sending one again is harmless."""
        if body.lstrip()[:1] == b"[":
            listens = _batch(body)
            check_user(request, *(one.user_id for one in listens if isinstance(one, Listen)))
            return await ingest.take(listens, source=_source(request))
        listen = decode(body, _listen)
        check_user(request, listen.user_id)
        return _single(await ingest.take([listen], source=_source(request)))

    @post(
        "/v1/feedback",
        status_code=202,
        operation_id="addFeedback",
        operation_class=documents(body=Feedback),
        request_max_body_size=BODY_BYTES,
    )
    async def add_feedback(
        self, request: AnyRequest, body: RawBody, ingest: NamedDependency[Ingest]
    ) -> Receipt:
        """A verdict on a track; the next list already follows it. With `at` it may come again."""
        listen = _as_listen(decode(body, _feedback), ingest.now())
        check_user(request, listen.user_id)
        return _single(await ingest.take_feedback(listen, source=_source(request)))


def _source(request: AnyRequest) -> str:
    return request.client.host if request.client else ""


def _batch(body: bytes) -> list[Listen | Rejected]:
    raw = decode(body, _raw_listens)
    if len(raw) > MOST_LISTENS:
        raise Invalid(f"at most {MOST_LISTENS} listens at once, got {len(raw)}")
    return [_one(index, part) for index, part in enumerate(raw)]


def _one(index: int, part: msgspec.Raw) -> Listen | Rejected:
    try:
        return decode(bytes(part), _listen)
    except Invalid as error:
        return Rejected(index, str(error))


def _single(receipt: Receipt) -> Receipt:
    if receipt.rejected:
        raise InvalidListen(receipt.rejected[0].error)
    return receipt


def _as_listen(feedback: Feedback, now: datetime) -> Listen:
    return Listen(
        user_id=feedback.user_id,
        track_id=feedback.track_id,
        action=feedback.action,
        rating=feedback.rating,
        at=feedback.at or now,
        source="feedback",
    )
