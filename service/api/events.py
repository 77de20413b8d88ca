"""Events that were set aside, and what was asked and answered lately."""

from datetime import datetime
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from service.api.contract import AnyRequest, documents, read_query
from service.api.scopes import scope
from service.bus import DeadFact, Stream, Trace, Traces
from service.errors import UnknownEvent


class DeadEvent(Struct, frozen=True):
    """An event that a group could not digest, with the reason."""

    place: str
    group: str
    topic: str  # empty where the bytes are no event of this release
    reason: str
    deliveries: int
    at: datetime
    body: str


class DeadEventsPage(Struct, frozen=True):
    """The answer of GET /v1/events/dead: the newest hundred, newest first."""

    dead: list[DeadEvent]


class Replayed(Struct, frozen=True):
    """The answer of POST /v1/events/dead/{place}/replay."""

    place: str


class TracesQuery(Struct, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100


class TracesPage(Struct, frozen=True):
    """The answer of GET /v1/events/traces: newest first."""

    traces: list[Trace]


class EventController(Controller):
    """What facts became of, for whoever runs the service."""

    tags = ("events",)
    opt = scope("admin:events")

    @get("/v1/events/dead", operation_id="listDeadEvents", operation_class=documents())
    async def dead(self, stream: NamedDependency[Stream]) -> DeadEventsPage:
        """The events that were set aside and not told again."""
        return DeadEventsPage([_readable(fact) for fact in await stream.dead()])

    @post(
        "/v1/events/dead/{place:str}/replay",
        status_code=202,
        operation_id="replayDeadEvent",
        operation_class=documents(),
    )
    async def replay(self, place: FromPath[str], stream: NamedDependency[Stream]) -> Replayed:
        """Tell a dead event again, once, as the newest."""
        if not await stream.replay(place):
            raise UnknownEvent(f"no dead event is at {place!r}")
        return Replayed(place)

    @get(
        "/v1/events/traces", operation_id="listTraces", operation_class=documents(query=TracesQuery)
    )
    async def traces(self, request: AnyRequest, traces: NamedDependency[Traces]) -> TracesPage:
        """The lists that had to be made lately: who asked, which strategies, with what result."""
        limit = read_query(request, TracesQuery).limit
        return TracesPage(await traces.newest(limit=limit))


def _readable(fact: DeadFact) -> DeadEvent:
    return DeadEvent(
        fact.place,
        fact.group,
        fact.topic,
        fact.reason,
        fact.deliveries,
        fact.at,
        fact.body.decode(errors="replace"),
    )
