"""PUT /v1/tracks and GET /v1/tracks/{id}."""

import msgspec
from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import Struct

from service.api.contract import decode, documents, read_path
from service.api.scopes import scope
from service.domain import Track, TrackId
from service.errors import Invalid, UnknownTrack
from service.learn.ingest import Rejected
from service.learn.shelf import Shelf
from service.store import Store

MOST_TRACKS = 1_000
TRACKS_BYTES = 4_000_000


class TracksReceipt(Struct, frozen=True):
    """What became of a batch of tracks."""

    stored: int
    unchanged: int
    rejected: list[Rejected]


_raw_tracks = msgspec.json.Decoder(list[msgspec.Raw])
_track = msgspec.json.Decoder(Track)


class TrackController(Controller):
    """The catalogue."""

    tags = ("catalogue",)

    @put(
        "/v1/tracks",
        operation_id="putTracks",
        operation_class=documents(body=list[Track]),
        request_max_body_size=TRACKS_BYTES,
        opt=scope("tracks:write"),
    )
    async def put_tracks(self, body: RawBody, shelf: NamedDependency[Shelf]) -> TracksReceipt:
        """Up to 1,000 tracks, each with its own verdict; they can be recommended at once."""
        tracks, rejected = _batch(body)
        changed = await shelf.put(tracks)
        return TracksReceipt(sum(changed), len(changed) - sum(changed), rejected)

    @get(
        "/v1/tracks/{track_id:str}",
        operation_id="getTrack",
        operation_class=documents(),
        opt=scope("recs:read", whose="nobody"),
    )
    async def get_track(self, track_id: FromPath[str], store: NamedDependency[Store]) -> Track:
        """One track as it was put."""
        track = await store.track(read_path(track_id, TrackId))
        if track is None:
            raise UnknownTrack(f"there is no track {track_id!r}")
        return track


def _batch(body: bytes) -> tuple[list[Track], list[Rejected]]:
    raw = decode(body, _raw_tracks)
    if len(raw) > MOST_TRACKS:
        raise Invalid(f"at most {MOST_TRACKS} tracks at once, got {len(raw)}")
    tracks, rejected = [], []
    for index, part in enumerate(raw):
        try:
            tracks.append(decode(bytes(part), _track))
        except Invalid as error:
            rejected.append(Rejected(index, str(error)))
    return tracks, rejected
