"""ListenBrainz as players speak it: listens in, recommendations and playlists out."""

from service.doors.listenbrainz.door import Door
from service.doors.listenbrainz.refusal import EXCEPTION_HANDLERS
from service.doors.listenbrainz.routes import ROUTES
from service.doors.listenbrainz.tokens import tokens_of
from service.doors.listenbrainz.wire import Wire, door_path

__all__ = ["EXCEPTION_HANDLERS", "ROUTES", "Door", "Wire", "door_path", "tokens_of"]
