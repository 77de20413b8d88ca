"""What the recommender says, by MusicBrainz ids: nothing else is spoken here.

A track without one gets an id of ours, a UUIDv5 of its own id, which `track_of` knows again.
"""

import msgspec

from service.domain import Recommendation, Track
from service.doors.listenbrainz.door import Door
from service.doors.listenbrainz.history import tracks_of
from service.doors.listenbrainz.stand_ins import stand_in
from service.errors import UnknownTrack
from service.recommend.ask import Ask
from service.recommend.page import Page

MOST = 100
"""Places of a list; the original has more, and nobody plays them."""
_page = msgspec.json.Decoder(Page)


def mbid_of(track: Track) -> str:
    """The MBID of a track, or what stands in for it."""
    return track.aliases.get("recording_mbid") or stand_in(track.id)


async def track_of(door: Door, *, mbid: str = "", msid: str = "") -> str:
    """The track with this id.

    Raises:
        UnknownTrack
    """
    found = await door.resolver.find("recording_mbid", mbid.lower()) if mbid else None
    if found is None and mbid:
        found = door.stand.track_id(mbid.lower(), door.current.catalogue)
    if found is None and msid:
        found = await door.resolver.find("msid", msid.lower())
    if found is None:
        raise UnknownTrack("no recording with this id was ever listened to or recommended here")
    return found


async def recommended(door: Door, user: str, ask: Ask) -> tuple[Page, dict[str, Track]]:
    """A list as anybody would get it from /v1, and its tracks; it counts as shown."""
    answer, _ = await door.recommender.for_user(user, ask)
    door.recommender.sent(user, ask, answer)
    page = _page.decode(answer.body)
    return page, await tracks_of(door, [one.track.id for one in page.recommendations])


def ranked(page: Page, tracks: dict[str, Track]) -> list[tuple[Recommendation, Track]]:
    """Places with their tracks; one that is gone meanwhile is left out."""
    return [(one, tracks[one.track.id]) for one in page.recommendations if one.track.id in tracks]
