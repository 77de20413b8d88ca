"""Playlists that are made for a user, as JSPF: the channel by which players read recommendations.

A list is decided by its user, its kind and its week or day: who asks again within it is shown the
same tracks, as long as the process and the model last. Nothing of it is stored.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from service.domain import Mix, Track
from service.doors.listenbrainz.door import ITEMS, Door, whole
from service.doors.listenbrainz.history import tracks_of
from service.doors.listenbrainz.recommended import mbid_of, recommended
from service.doors.listenbrainz.refusal import AnyRequest, Refused
from service.doors.listenbrainz.submission import Json
from service.recommend.ask import Ask

PLAYLIST = "https://musicbrainz.org/doc/jspf#playlist"
TRACK = "https://musicbrainz.org/doc/jspf#track"
CREATOR = "listenbrainz"
"""Whose the original says they are: beets takes no others."""
OURS = UUID("8e6d6f5b-98bd-5a63-9d4e-0d3c7c1b7c55")
LENGTH = 50
MOST_PRESSED = 10_000
"""Playlists whose tracks are remembered, three of each user and week."""


class Kind(Struct, frozen=True):
    """One sort of playlist; `days` is how long it lasts."""

    patch: str  # what clients choose by
    title: str
    days: int
    mix: Mix
    text: str


KINDS: Final = (
    Kind("weekly-exploration", "Weekly Exploration", 7, "discover", "Tracks new to you."),
    Kind("weekly-jams", "Weekly Jams", 7, "familiar", "Tracks that you know and like."),
    Kind("daily-jams", "Daily Jams", 1, "blend", "Tracks that you know, and some that you do not."),
)


class Issue(Struct, frozen=True):
    """A playlist of a user in one week or on one day."""

    user: str
    kind: Kind
    since: datetime

    @property
    def id(self) -> str:
        """UUIDv5: the same for everybody who asks about this user and time."""
        return str(uuid5(OURS, f"{self.kind.patch}\0{self.user}\0{self.since:%Y-%m-%d}"))


async def _track_ids(door: Door, issue: Issue) -> list[str]:
    """In the order in which they were recommended when somebody first asked."""
    model = door.current.model
    key = (issue.id, model.version if model else "none")
    known = door.pressed.get(key)
    if known is None:
        ask = Ask(limit=LENGTH, mix=issue.kind.mix, explain=False)
        page, _ = await recommended(door, issue.user, ask)
        known = door.pressed[key] = [one.track.id for one in page.recommendations]
        if len(door.pressed) > MOST_PRESSED:
            del door.pressed[next(iter(door.pressed))]  # the oldest
    return known


class PlaylistController(Controller):
    """What was created for a user."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @get(
        ["/1/user/{name:str}/playlists/createdfor", "/1/user/{name:str}/playlists/recommendations"]
    )
    async def created_for(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """The playlists of this week and day, without their tracks; none before the first model."""
        user, query = door.reader(request, name), request.query_params
        count, offset = whole(query, "count", ITEMS, most=ITEMS), whole(query, "offset", 0)
        issues = issues_of(user, door.clock()) if door.current.model is not None else []
        page = [_playlist(issue, []) for issue in issues[offset : offset + count]]
        return {
            "playlists": page,
            "playlist_count": len(issues),
            "count": count,
            "offset": offset,
        }

    @get("/1/user/{name:str}/playlists")
    async def own(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """What a user made: nothing, since playlists are not kept here."""
        door.reader(request, name)
        return {"playlists": [], "playlist_count": 0, "count": ITEMS, "offset": 0}

    @get("/1/playlist/{playlist_id:str}")
    async def playlist(
        self, request: AnyRequest, playlist_id: FromPath[str], door: NamedDependency[Door]
    ) -> Json:
        """One playlist of whoever asks, with its tracks."""
        user = door.user(request)
        issues = issues_of(user, door.clock()) if door.current.model is not None else []
        for issue in issues:
            if issue.id == playlist_id.lower():
                tracks = await tracks_of(door, ids := await _track_ids(door, issue))
                return _playlist(issue, [tracks[one] for one in ids if one in tracks])
        raise Refused(404, "Cannot find playlist: it is over, or of somebody else.")


def issues_of(user: str, now: datetime) -> list[Issue]:
    """One of each kind: since Monday, or since midnight, UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = day - timedelta(days=day.weekday())
    return [Issue(user, kind, monday if kind.days == 7 else day) for kind in KINDS]


def _playlist(issue: Issue, tracks: list[Track]) -> Json:
    kind, date = issue.kind, issue.since.isoformat()
    what = "week of" if kind.days == 7 else "day of"
    playlist = {
        "creator": CREATOR,
        "title": f"{kind.title} for {issue.user}, {what} {issue.since:%Y-%m-%d}",
        "identifier": f"https://listenbrainz.org/playlist/{issue.id}",
        "date": date,
        "annotation": kind.text,
        "extension": {
            PLAYLIST: {
                "public": False,
                "creator": CREATOR,
                "created_for": issue.user,
                "last_modified_at": date,
                "additional_metadata": {"algorithm_metadata": {"source_patch": kind.patch}},
            }
        },
        "track": [_track(track, date) for track in tracks],
    }
    return {"playlist": playlist}


def _track(track: Track, date: str) -> Json:
    added: Json = {"added_by": CREATOR, "added_at": date, "artist_identifiers": []}
    if "recording_mbid" not in track.aliases:
        added["additional_metadata"] = {"echotune_id": track.id, "no_mbid": True}
    shown: Json = {
        "identifier": [f"https://musicbrainz.org/recording/{mbid_of(track)}"],
        "title": track.title,
        "creator": track.artist,
        "album": track.album,
        "extension": {TRACK: added},
    }
    if track.duration_ms:
        shown["duration"] = track.duration_ms
    return shown
