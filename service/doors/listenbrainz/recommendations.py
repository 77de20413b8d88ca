"""GET /1/cf/recommendation/…: the list, once a model has been fitted."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.domain import milliseconds
from service.doors.listenbrainz.door import ITEMS, Door, whole
from service.doors.listenbrainz.recommended import MOST, mbid_of, ranked, recommended
from service.doors.listenbrainz.refusal import AnyRequest
from service.doors.listenbrainz.submission import Json
from service.recommend.ask import Ask


class RecommendationController(Controller):
    """Recordings for a user."""

    opt = {"scope": "door"}  # noqa: RUF012 - Litestar's

    @get("/1/cf/recommendation/user/{name:str}/recording")
    async def recordings(
        self, request: AnyRequest, name: FromPath[str], door: NamedDependency[Door]
    ) -> Response[Json | None]:
        """Best first; 204 with nothing in it while there is no model."""
        user, query = door.reader(request, name), request.query_params
        count = whole(query, "count", ITEMS, most=MOST)
        offset = whole(query, "offset", 0)
        model = door.current.model
        if model is None:
            return Response(None, status_code=204)
        page, tracks = await recommended(door, user, Ask(limit=MOST, explain=False))
        places = ranked(page, tracks)
        shown = places[offset : offset + count]
        payload = {
            "model_id": page.model_version,
            "model_url": "",
            "mbids": [
                {"recording_mbid": mbid_of(track), "score": one.score, "latest_listened_at": None}
                for one, track in shown
            ],
            "entity": "recording",
            "user_name": user,
            "last_updated": milliseconds(model.fitted_at) // 1_000,
            "count": len(shown),
            "total_mbid_count": len(places),
            "offset": offset,
        }
        return Response({"payload": payload})
