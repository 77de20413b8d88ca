"""What a user listened to most, out of their listens of a time range."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.domain import EPOCH, Track, milliseconds
from service.doors.listenbrainz.door import ITEMS, MOST_ITEMS, Door, whole
from service.doors.listenbrainz.history import plays, tracks_of
from service.doors.listenbrainz.recommended import mbid_of
from service.doors.listenbrainz.refusal import AnyRequest, bad
from service.doors.listenbrainz.submission import Json

DAY = timedelta(days=1)
RANGES: dict[str, Callable[[datetime], datetime]] = {
    "week": lambda day: day - 7 * DAY,
    "month": lambda day: day - 30 * DAY,
    "quarter": lambda day: day - 91 * DAY,
    "half_yearly": lambda day: day - 182 * DAY,
    "year": lambda day: day - 365 * DAY,
    "this_week": lambda day: day - day.weekday() * DAY,
    "this_month": lambda day: day.replace(day=1),
    "this_year": lambda day: day.replace(month=1, day=1),
    "all_time": lambda _day: EPOCH,
}
"""Where each range begins. All end now: the original's `week` is the last whole one."""
ALBUMS = ("releases", "release-groups")
MOST_COUNTED = 50_000
"""Of the newest plays of a range: a statistic of more of them takes too long for one request."""
KINDS = {
    "artists": "artist",
    "recordings": "recording",
    "releases": "release",
    "release-groups": "release_group",
}
"""How each is called when there is one; a release is a group of its own here."""


class StatsController(Controller):
    """Counts."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @get("/1/stats/user/{name:str}/{what:str}")
    async def most(
        self,
        request: AnyRequest,
        name: FromPath[str],
        what: FromPath[str],
        door: NamedDependency[Door],
    ) -> Response[Any]:
        """Artists, recordings or releases by plays, or plays by day; 204 where there are none."""
        user, query = door.reader(request, name), request.query_params
        named = query.get("range") or "all_time"
        if named not in RANGES:
            raise bad(f"Invalid range: {named[:64]}")
        if what not in (*KINDS, "listening-activity"):
            raise bad(
                "There are artists, recordings, releases, release-groups and listening-activity."
            )
        now = door.clock()
        since = RANGES[named](
            now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        )
        counts, days = await _counted(door, user, since)
        if not counts:
            return Response(None, status_code=204)
        frame = {
            "range": named,
            "from_ts": _seconds(since),
            "to_ts": _seconds(now),
            "last_updated": _seconds(now),
            "user_id": user,
        }
        if what == "listening-activity":
            return Response({"payload": {**frame, what.replace("-", "_"): _by_day(days)}})
        tracks = await tracks_of(door, list(counts))
        entries = _entries(what, counts, tracks)
        count, offset = whole(query, "count", ITEMS, most=MOST_ITEMS), whole(query, "offset", 0)
        page = entries[offset : offset + count]
        total = {"count": len(page), f"total_{KINDS[what]}_count": len(entries)}
        page_of = {what.replace("-", "_"): page}
        return Response({"payload": {**frame, **page_of, **total, "offset": offset}})


async def _counted(
    door: Door, user: str, since: datetime
) -> tuple[Counter[str], Counter[datetime]]:
    """Plays of each track and on each day; what has no time counts in no range but all."""
    counts, days = Counter[str](), Counter[datetime]()
    async for listen in plays(door, user, most=MOST_COUNTED):
        if listen.at < since:
            break
        if listen.timed or since == EPOCH:
            counts[listen.track_id] += listen.plays
            days[listen.at.replace(hour=0, minute=0, second=0, microsecond=0)] += listen.plays
    return counts, days


def _entries(what: str, counts: Counter[str], tracks: dict[str, Track]) -> list[Json]:
    found: dict[tuple[str, ...], Json] = {}
    for track_id, count in counts.items():
        track = tracks.get(track_id)
        if track is None or (what in ALBUMS and not track.album):
            continue
        key, entry = _entry(what, track)
        found.setdefault(key, entry)["listen_count"] += count
    return [found[key] for key in sorted(found, key=lambda key: (-found[key]["listen_count"], key))]


def _entry(what: str, track: Track) -> tuple[tuple[str, ...], Json]:
    artist: Json = {"artist_mbids": [], "artist_name": track.artist, "listen_count": 0}
    match what:
        case "artists":
            return (track.artist,), artist
        case "releases" | "release-groups":
            named = {f"{KINDS[what]}_name": track.album, f"{KINDS[what]}_mbid": None}
            return (track.artist, track.album), {**artist, **named}
        case _:
            named = {"track_name": track.title, "recording_mbid": mbid_of(track)}
            return (track.artist, track.title), {**artist, **named, "release_name": track.album}


def _by_day(days: Counter[datetime]) -> list[Json]:
    return [
        {
            "from_ts": _seconds(day),
            "to_ts": _seconds(day + DAY) - 1,
            "time_range": f"{day:%d %B %Y}",
            "listen_count": count,
        }
        for day, count in sorted(days.items())
    ]


def _seconds(at: datetime) -> int:
    return milliseconds(at) // 1_000
