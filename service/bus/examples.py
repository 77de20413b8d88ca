"""One of each fact, as the documentation shows it."""

from datetime import UTC, datetime

from service.bus.facts import (
    CollaborativeFilterRequested,
    ContentFilterRequested,
    ContextAwareRequested,
    Event,
    ExposureLogged,
    FeedbackReceived,
    ListenStored,
    ModelPublished,
    ProfileUpdated,
    RecommendationComputed,
    RecommendationRequested,
    Trace,
    TrackChanged,
    TrendingRequested,
    UserUpdated,
)
from service.domain import Features, Listen, ShownList, Track

_AT = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
_REQUEST, _LIST = "3f9c1ab27d04-17", "89kaeMDE1WE"
_PLAYED = Listen(
    user_id="ada", track_id="4uLU6hMCjMI75M1A2tKUQC", at=_AT, id="p-1041", ms_played=213_000
)
_LIKED = Listen(user_id="ada", track_id="4uLU6hMCjMI75M1A2tKUQC", action="like", at=_AT, id="f-77")
_TRACK = Track(
    id="4uLU6hMCjMI75M1A2tKUQC",
    title="Blue in Green",
    artist="Miles Davis",
    genres=("jazz",),
    features=Features(energy=0.1, valence=0.2, tempo=57.0, loudness=-18.5),
)

EVENTS: tuple[Event, ...] = (
    ListenStored([_PLAYED]),
    FeedbackReceived(_LIKED),
    UserUpdated("ada", 42),
    ProfileUpdated("ada", 42),
    TrackChanged([_TRACK]),
    ModelPublished("20260504T030000-9f2c"),
    ExposureLogged(
        at=_AT,
        shown={_LIST: 2},
        prefetched={},
        unchanged={_LIST: 1},
        made=[
            ShownList(
                "ada",
                _LIST,
                ["4uLU6hMCjMI75M1A2tKUQC"],
                [1.0],
                variants={"more-new-music": "control"},
                at=_AT,
                took_ms=2.7,
            )
        ],
        batch_id="0c6a2f6c3b0f4e0a9d0e6a6f7f9b1d2e",
    ),
)
TRACES: tuple[Trace, ...] = (
    RecommendationRequested(
        _REQUEST, "ada", ["collaborative", "content", "context", "trending"], _AT
    ),
    CollaborativeFilterRequested(_REQUEST),
    ContentFilterRequested(_REQUEST),
    ContextAwareRequested(_REQUEST),
    TrendingRequested(_REQUEST),
    RecommendationComputed(
        _REQUEST,
        "ada",
        _LIST,
        "personal",
        {"collaborative": "ok", "content": "ok", "context": "skipped", "trending": "late"},
        2.314,
    ),
)
