"""Every route of this door, out of the API's description: it is described by its own makers."""

from litestar import Router

from service.doors.listenbrainz.blocks import BlockController
from service.doors.listenbrainz.feedback import FeedbackController
from service.doors.listenbrainz.history import HistoryController
from service.doors.listenbrainz.others import OtherController
from service.doors.listenbrainz.playlists import PlaylistController
from service.doors.listenbrainz.recommendations import RecommendationController
from service.doors.listenbrainz.refusal import EXCEPTION_HANDLERS
from service.doors.listenbrainz.stats import StatsController

ROUTES = Router(
    path="/",
    route_handlers=[
        HistoryController,
        FeedbackController,
        RecommendationController,
        PlaylistController,
        StatsController,
        BlockController,
        OtherController,
    ],
    exception_handlers=EXCEPTION_HANDLERS,
    include_in_schema=False,
)
