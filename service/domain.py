"""The words of the house as Structs, the same from the wire to the store."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

FEATURES = (
    "danceability",
    "energy",
    "valence",
    "acousticness",
    "instrumentalness",
    "liveness",
    "speechiness",
    "tempo",
    "loudness",
)
"""Spotify's scheme, in the fixed order every feature array follows."""

# `$` alone also matches before a final newline; the look-ahead closes that hole and, unlike `\Z`,
# means the same in Python and in the JSON Schema that clients read.
UserId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._~@-]{0,63}$(?!\n)")]
TrackId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,64}$(?!\n)")]
ListenId = Annotated[str, Meta(pattern=r"^[!-~]{0,64}$(?!\n)")]
Text = Annotated[str, Meta(max_length=500)]
Name = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
Word = Annotated[str, Meta(max_length=64)]
Label = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$(?!\n)")]
Key = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
Value = float | Text
Share = Annotated[float, Meta(ge=0, le=1)]
Utc = Annotated[datetime, Meta(tz=True)]

Action = Literal["play", "skip", "like", "dislike", "rating", "save"]
Flag = Literal["clamped", "late"]
"""What ingest says of a time: it was in the future and is now, or was long past when it came."""
Activity = Literal["none", "workout", "study", "party", "sleep", "commute", "focus", "relax"]
Mood = Literal["none", "happy", "sad", "energetic", "calm", "romantic"]
Device = Literal["none", "phone", "desktop", "speaker", "car", "tv"]
Mix = Literal["discover", "familiar", "blend"]
Strategy = Literal["collaborative", "content", "context", "trending"]
Part = Literal[
    "collaborative", "spectral", "factors", "online",
    "artist", "genre", "audio", "context", "trending",
]  # fmt: skip
Tier = Literal["personal", "stale", "segment", "popular"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
NOT_SENT = EPOCH
"""`Listen.at` of a listen whose client sent an id and no time; ingest replaces it by now."""


PROBES = "~"
"""What the ids of users begin with who are probes: no client can send such a `UserId`."""


def is_somebody(user_id: str) -> bool:
    """Whether it is a listener, and no probe: probes are in no model, trend, figure or export."""
    return not user_id.startswith(PROBES)


def milliseconds(at: datetime) -> int:
    """Unix time in ms, exactly: float seconds would round."""
    return (at - EPOCH) // MILLISECOND


HEARD_MS = 30_000
"""A play shorter than this is none but to the listener; no streaming service pays for it either."""
SUPPORT = 3
"""Listeners a track needs before it trends: fewer are a household."""
COUNTED = ((15, 4), (7, 3), (3, 2), (1, 1))
"""What so many plays of one track by one user in one day count at least: log2 of one more, cut."""


def counted(plays: int) -> int:
    """What a user's plays of one track in a day count for anybody else: 4 from the 15th on."""
    return next((count for least, count in COUNTED if plays >= least), 0)


class Features(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a track sounds like; None is unknown, and an unknown feature costs nothing."""

    danceability: Share | None = None
    energy: Share | None = None
    valence: Share | None = None
    acousticness: Share | None = None
    instrumentalness: Share | None = None
    liveness: Share | None = None
    speechiness: Share | None = None
    tempo: Annotated[float, Meta(ge=0, le=1000)] | None = None  # BPM
    loudness: Annotated[float, Meta(ge=-200, le=100)] | None = None  # dB


class Track(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One recording. An id is for ever: merging two tracks makes an alias, never a hole."""

    id: TrackId
    title: Name
    artist: Name
    album: Text = ""
    genres: Annotated[tuple[Word, ...], Meta(max_length=32)] = ()
    features: Features = Features()
    duration_ms: Annotated[int, Meta(ge=1, le=86_400_000)] | None = None
    released: Annotated[str, Meta(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$(?!\n)")] | None = (
        None
    )
    explicit: bool = False
    popularity: Annotated[float, Meta(ge=0, le=100)] | None = None
    aliases: dict[Word, Annotated[str, Meta(max_length=200)]] = {}


class TrackBrief(Struct, frozen=True):
    """As much of a track as a list needs."""

    id: str
    title: str
    artist: str


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One thing a user did to one track. The client may choose `id`, so a retry is harmless."""

    user_id: UserId
    track_id: TrackId
    action: Action = "play"
    at: Utc = NOT_SENT
    id: ListenId = ""
    plays: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    timed: bool = True
    ms_played: Annotated[int, Meta(ge=0, le=86_400_000)] | None = None
    rating: Annotated[float, Meta(ge=0.5, le=5)] | None = None
    source: Word = ""
    device: Word | None = None
    context: Word | None = None
    list_id: Word | None = None
    flag: Flag | UnsetType = UNSET  # ingest's word: what a client sends here is replaced


class Preferences(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user told us they want."""

    explicit: bool = True
    genres: Annotated[tuple[Word, ...], Meta(max_length=50)] = ()
    artists: Annotated[tuple[Text, ...], Meta(max_length=200)] = ()


class Demographics(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user told us about themselves; never used to rank."""

    birth_year: Annotated[int, Meta(ge=1900, le=2100)] | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)")] | None = None
    gender: Word | None = None
    language: Word | None = None


class Lapse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the block of a track (by id) or an artist is over."""

    kind: Literal["track", "artist"]
    name: Text
    at: Utc


class Blocked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Never recommended to this user."""

    tracks: Annotated[tuple[TrackId, ...], Meta(max_length=10_000)] = ()
    artists: Annotated[tuple[Text, ...], Meta(max_length=1_000)] = ()
    genres: Annotated[tuple[Word, ...], Meta(max_length=200)] = ()
    until: Annotated[tuple[Lapse, ...], Meta(max_length=1_000)] = ()  # of tracks and artists above


class UserSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts of a user to change; None leaves a part as it is."""

    preferences: Preferences | None = None
    demographics: Demographics | None = None
    timezone: Annotated[str, Meta(max_length=64)] | None = None
    blocked: Blocked | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The parts that are not None, by name."""
        return {name: part for name, part in structs.asdict(self).items() if part is not None}


class User(Struct, frozen=True, kw_only=True):
    """What is stored of a user besides listens. `rev` grows with every change, listens included."""

    id: str
    rev: int = 0
    preferences: Preferences = Preferences()
    demographics: Demographics = Demographics()
    timezone: str = "UTC"
    blocked: Blocked = Blocked()
    updated_at: datetime = NOT_SENT


class StoredProfile(Struct, frozen=True):
    """A user's profile as a job derived it from revision `rev`; the store never looks inside."""

    user_id: str
    rev: int
    body: bytes


class Neighbour(Struct, frozen=True):
    """Somebody like a user, as a job found them."""

    user_id: str
    similarity: float


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One arm of an experiment; `settings` are what it changes, none for the control."""

    name: Label
    weight: Annotated[float, Meta(gt=0, le=1_000)] = 1.0  # of the traffic, beside the others'
    settings: dict[Key, Value] = {}


class Guardrail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must not get worse than this, relative to the control: 0.02 is two per cent."""

    metric: Key
    most_loss: Annotated[float, Meta(ge=0, le=1)]


class Experiment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is tried on whom. The first variant is the control; names are never given twice."""

    name: Label
    variants: Annotated[tuple[Variant, ...], Meta(min_length=2, max_length=20)]
    status: Literal["draft", "running", "stopped", "archived"] = "draft"
    allocation: Share = 0.1  # of the audience
    audience: dict[Key, Value] = {}  # what a user has to be; empty: everybody
    layer: Label | None = None  # experiments of one layer never share a user
    starts: Utc | None = None
    ends: Utc | None = None
    guardrails: Annotated[tuple[Guardrail, ...], Meta(max_length=20)] = ()
    overrides: Annotated[dict[UserId, Label], Meta(max_length=100)] = {}  # who tests which variant
    halted: dict[Label, Text] = {}  # variants that were taken from their users, and why
    buckets: tuple[tuple[int, int], ...] = ()  # of its layer; it takes them as it grows
    rev: int = 0  # how often it was stored; 0: never


class Context(Struct, frozen=True, kw_only=True):
    """When, where and why somebody asks. `daypart` and `weekend` are None without a clock."""

    activity: Activity = "none"
    mood: Mood = "none"
    device: Device = "none"
    daypart: str | None = None
    weekend: bool | None = None

    @property
    def given(self) -> bool:
        """Whether there is anything to go by."""
        return self != NO_CONTEXT


NO_CONTEXT = Context()


class Reason(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a track is on the list, for people (`text`) and for machines (the rest)."""

    stage: str
    text: str
    seeds: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class Recommendation(Struct, frozen=True, omit_defaults=True):
    """One place on a list. `reason` is None only when the request said `explain=0`."""

    rank: int
    track: TrackBrief
    score: float
    reason: Reason | None = None


class ShownList(Struct, frozen=True):
    """A list that somebody was shown: its tracks in order, and how likely each was to be there."""

    user_id: str
    list_id: str
    track_ids: list[str]
    propensities: list[float]
    variants: dict[str, str] = {}  # that the user was in, by experiment
    at: datetime = NOT_SENT  # it was sent for the first time
    took_ms: float = 0.0  # until the answer was there
