"""Facts, who hears them in this process, and the stream that carries them to the others."""

from service.bus.facts import (
    ASKED,
    Change,
    Event,
    ExposureLogged,
    Fact,
    FeedbackReceived,
    ListenStored,
    ModelPublished,
    Outcome,
    ProfileUpdated,
    RecommendationComputed,
    RecommendationRequested,
    StrategyRequested,
    Trace,
    TrackChanged,
    UserUpdated,
    topic,
)
from service.bus.local import Bus
from service.bus.protocol import START, DeadFact, Entry, Lag, Stream
from service.bus.traces import Traces

__all__ = [
    "ASKED",
    "START",
    "Bus",
    "Change",
    "DeadFact",
    "Entry",
    "Event",
    "ExposureLogged",
    "Fact",
    "FeedbackReceived",
    "Lag",
    "ListenStored",
    "ModelPublished",
    "Outcome",
    "ProfileUpdated",
    "RecommendationComputed",
    "RecommendationRequested",
    "StrategyRequested",
    "Stream",
    "Trace",
    "Traces",
    "TrackChanged",
    "UserUpdated",
    "topic",
]
