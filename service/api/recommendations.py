"""GET /v1/users/{id}/recommendations, /v1/trending and /v1/tracks/{id}/similar."""

from datetime import UTC, datetime
from time import perf_counter
from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType, convert

from service.api.compression import compressed
from service.api.contract import AnyRequest, documents, encoded, read_path, read_query
from service.api.fields import KNOWN
from service.api.forms import MSGPACK, form_of, read_wishes
from service.api.priority import way_of
from service.api.rendering import Headers, respond
from service.api.scopes import check_user, scope
from service.cache.rendered import Rendered
from service.domain import Activity, Device, Mix, Mood, TrackId, UserId
from service.errors import Invalid
from service.recommend.ask import Ask, Asked
from service.recommend.context import read_context
from service.recommend.page import Page
from service.recommend.recommender import Recommender
from service.recommend.similar import SimilarPage, SimilarTracks, TrendingPage

MOST_EXCLUDED = 200

Limit = Annotated[int, Meta(ge=1, le=100, description="How many tracks to return.")]


class RecommendQuery(Struct, forbid_unknown_fields=True):
    """What may be asked of a list."""

    limit: Limit = 20
    strategy: Asked = "hybrid"
    activity: Activity = "none"
    mood: Mood = "none"
    device: Device = "none"
    at: Annotated[datetime, Meta(tz=True, description="When it will be heard.")] | UnsetType = UNSET
    timezone: (
        Annotated[str, Meta(min_length=1, max_length=64, description="IANA name.")] | UnsetType
    ) = UNSET
    mix: Mix = "discover"
    exclude: Annotated[str, Meta(max_length=13_000, description="Track ids, comma separated.")] = ""
    explain: Annotated[int, Meta(ge=0, le=1)] = 1
    flow: Annotated[
        int,
        Meta(
            ge=0,
            le=1,
            description="1 moves tracks by up to 3 places, never the first, for small steps in"
            " tempo and energy.",
        ),
    ] = 0

    fields: Annotated[
        str,
        Meta(
            max_length=200,
            description="Members of each recommendation to send, comma separated; all when absent."
            f" Of {', '.join(sorted(KNOWN))}.",
        ),
    ] = ""

    def ask(self) -> Ask:
        """The normalised form: equal questions have equal keys."""
        context = read_context(
            activity=self.activity,
            mood=self.mood,
            device=self.device,
            at=None if self.at is UNSET else self.at,
            timezone=None if self.timezone is UNSET else self.timezone,
            now=datetime.now(UTC),
        )
        return Ask(
            limit=self.limit,
            strategy=self.strategy,
            context=context,
            mix=self.mix,
            exclude=_track_ids(self.exclude),
            explain=bool(self.explain),
            flow=bool(self.flow),
        )


class SimilarQuery(Struct, forbid_unknown_fields=True):
    """`user` re-ranks the neighbours for that listener and leaves out what they dislike."""

    limit: Limit = 10
    user: UserId | UnsetType = UNSET


class TrendingQuery(Struct, forbid_unknown_fields=True):
    """How many."""

    limit: Limit = 20


class RecommendationController(Controller):
    """Lists of tracks."""

    tags = ("lists",)

    opt = scope("recs:read", whose="nobody")

    @get(
        "/v1/users/{user_id:str}/recommendations",
        operation_id="recommend",
        operation_class=documents(query=RecommendQuery, also=MSGPACK),
        opt=scope("recs:read", whose="path"),
    )
    async def recommend(
        self, request: AnyRequest, user_id: FromPath[str], recommender: NamedDependency[Recommender]
    ) -> Response[Page]:
        """Tracks this user is likely to enjoy next; what is popular for a user nobody knows.

        JSON, or MessagePack of the same content by `Accept`; brotli, zstd or gzip by
        `Accept-Encoding`. Each form of a list has an ETag of its own.
        """
        start, query = perf_counter(), read_query(request, RecommendQuery)
        wishes = read_wishes(request.scope["headers"])
        form = form_of(wishes, query.fields)
        ask = query.ask()
        user_id = read_path(user_id, UserId)
        answer, source = await recommender.for_user(user_id, ask)
        # Not a dependency: Litestar resolves two of them in tasks, which doubles the time of a hit.
        rendered: Rendered = request.app.state.house.rendered
        status, headers, body = respond(answer, form, wishes, rendered, source=source)
        way = way_of(status, request.scope["headers"])
        recommender.sent(user_id, ask, answer, way, took_s=perf_counter() - start)
        return _response(body, headers, status=status)

    @get(
        "/v1/tracks/{track_id:str}/similar",
        operation_id="similarTracks",
        middleware=[compressed],
        operation_class=documents(query=SimilarQuery),
        opt=scope("recs:read", whose="asked"),
    )
    async def similar(
        self,
        request: AnyRequest,
        track_id: FromPath[str],
        similar_tracks: NamedDependency[SimilarTracks],
    ) -> Response[SimilarPage]:
        """Tracks near this one, with a reason each; for one listener when `user` is given."""
        query = read_query(request, SimilarQuery)
        track_id = read_path(track_id, TrackId)
        user_id = query.user or None
        check_user(request, *([user_id] if user_id else []))
        body = await similar_tracks.encoded(track_id, limit=query.limit, user_id=user_id)
        return encoded(body)

    @get(
        "/v1/trending",
        operation_id="trending",
        middleware=[compressed],
        operation_class=documents(query=TrendingQuery),
    )
    async def trending(
        self, request: AnyRequest, similar_tracks: NamedDependency[SimilarTracks]
    ) -> TrendingPage:
        """What is played now, plays counting half as much every week."""
        return similar_tracks.trending(read_query(request, TrendingQuery).limit)


def _response(body: bytes, headers: Headers, *, status: int) -> Response[Page]:
    texts = {name.decode(): value.decode() for name, value in headers}
    return Response(body, status_code=status, headers=texts)  # type: ignore[arg-type]


def _track_ids(text: str) -> tuple[str, ...]:
    ids = sorted({convert(part, str) for part in text.split(",") if part})
    if len(ids) > MOST_EXCLUDED:
        raise Invalid(f"exclude: at most {MOST_EXCLUDED} track ids, got {len(ids)}")
    return tuple(read_path(track_id, TrackId) for track_id in ids)
