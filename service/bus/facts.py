"""What has happened, as Structs in the past tense: the same in this process and on the wire.

Facts that must reach everybody exactly once in effect (`EVENTS`) are never trimmed before they are
acknowledged; what was asked and answered (`TRACES`) is told as long as there is room.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from service.domain import Listen, ShownList, Strategy, Track

Outcome = Literal["ok", "skipped", "failed", "late"]
Change = Literal["listen", "feedback", "settings", "erased"]


class Fact(Struct, frozen=True):
    """Base of all facts; on the wire `type` is the topic, the tag of the class."""


class ListenStored(Fact, frozen=True, tag="user.listening.tracked"):
    """These listens are durable.

    In a process: those that were not known before. On the stream: every valid one of a request,
    since whoever sends again may do so because nobody was told the first time; `again` are the
    places of those that were stored before.
    """

    listens: list[Listen]
    again: list[int] = []


class FeedbackReceived(Fact, frozen=True, tag="feedback.received"):
    """What a user said about a track: a like, dislike, skip, save or rating. Stored as a listen."""

    listen: Listen


class UserUpdated(Fact, frozen=True, tag="user.updated"):
    """Whatever was built for this user from an older `rev` is stale; None: the user was erased."""

    user_id: str
    rev: int | None
    reason: Change = "listen"


class ProfileUpdated(Fact, frozen=True, tag="profile.updated"):
    """A job derived this user's profile anew, from revision `rev`."""

    user_id: str
    rev: int


class TrackChanged(Fact, frozen=True, tag="track.changed"):
    """These tracks are new or different, in row order for the new ones."""

    tracks: list[Track]


class ModelPublished(Fact, frozen=True, tag="model.published"):
    """This version serves from now on."""

    version: str


class RecommendationRequested(Fact, frozen=True, tag="recommendation.requested"):
    """A list was asked for that had to be made; kept ones are counted, not told."""

    request_id: str
    user_id: str  # empty: the list of all whom nobody knows
    strategies: list[Strategy]
    at: datetime


class RecommendationComputed(Fact, frozen=True, tag="recommendation.computed"):
    """What became of that request; strategies by outcome."""

    request_id: str
    user_id: str
    list_id: str
    tier: str
    strategies: dict[str, Outcome]
    took_ms: float


class CollaborativeFilterRequested(Fact, frozen=True, tag="collaborative.filter.requested"):
    """A list asked what people alike play."""

    request_id: str


class ContentFilterRequested(Fact, frozen=True, tag="content.filter.requested"):
    """A list asked what sounds alike, and what the same artists and genres are."""

    request_id: str


class ContextAwareRequested(Fact, frozen=True, tag="context.aware.requested"):
    """A list asked what fits the hour, the activity, the mood and the device."""

    request_id: str


class TrendingRequested(Fact, frozen=True, tag="trending.requested"):
    """A list asked what many play now."""

    request_id: str


class ExposureLogged(Fact, frozen=True, tag="exposure.logged"):
    """What one process showed within a second: how often each list, and the new ones once.

    Lists asked for ahead (prefetch) and answers that said "unchanged" (304) were not shown anew:
    they are counted apart.
    """

    at: datetime
    shown: dict[str, int]  # list id -> times served
    prefetched: dict[str, int]
    unchanged: dict[str, int]
    made: list[ShownList]
    batch_id: str = ""  # the same when the batch is sent again


Event = (
    ListenStored
    | FeedbackReceived
    | UserUpdated
    | ProfileUpdated
    | TrackChanged
    | ModelPublished
    | ExposureLogged
)
StrategyRequested = (
    CollaborativeFilterRequested
    | ContentFilterRequested
    | ContextAwareRequested
    | TrendingRequested
)
Trace = RecommendationRequested | RecommendationComputed | StrategyRequested
ASKED: dict[Strategy, type[StrategyRequested]] = {
    "collaborative": CollaborativeFilterRequested,
    "content": ContentFilterRequested,
    "context": ContextAwareRequested,
    "trending": TrendingRequested,
}


def topic(fact: Fact) -> str:
    """The name a fact travels under."""
    return str(fact.__struct_config__.tag)
