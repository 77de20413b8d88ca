"""A user's settings, profile, listens and neighbours."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, MediaType, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.compression import compressed
from service.api.contract import AnyRequest, decode, documents, encoded, read_path, read_query
from service.api.listens import BODY_BYTES
from service.api.scopes import scope
from service.domain import Listen, UserId, UserSettings
from service.learn.accounts import Accounts
from service.learn.portability import UserData, everything, known
from service.learn.profiles import Profiles
from service.profile.profile import Profile
from service.recommend.neighbourhood import Neighbourhood, SimilarUsersPage
from service.recommend.recommender import Recommender
from service.store import Store


class ListensQuery(Struct, forbid_unknown_fields=True):
    """`before` is the `next` of the page before."""

    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    before: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET


class ListensPage(Struct, frozen=True):
    """A user's listens, newest first; `next` continues, null at the end."""

    user_id: str
    listens: list[Listen]
    next: str | None


class SimilarUsersQuery(Struct, forbid_unknown_fields=True):
    """`min` is the least cosine."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    min: Annotated[float, Meta(ge=0, le=1)] = 0.6


class JobRef(Struct, frozen=True):
    """Where to look how it goes: GET /v1/jobs/{job_id}."""

    job_id: str


_settings = msgspec.json.Decoder(UserSettings)
PRIVATE = {"Cache-Control": "no-store"}


class UserController(Controller):
    """Everything about one user."""

    tags = ("users",)

    path = "/v1/users/{user_id:str}"

    @get(
        "/profile",
        operation_id="getProfile",
        middleware=[compressed],
        operation_class=documents(),
        opt=scope("recs:read", whose="path"),
        response_headers=PRIVATE,
    )
    async def profile(
        self, user_id: FromPath[str], profiles: NamedDependency[Profiles]
    ) -> Response[Profile]:
        """What EchoTune believes about a user, from their newest listens and their own words."""
        return encoded(await profiles.encoded(read_path(user_id, UserId)))

    @put(
        operation_id="putUser",
        operation_class=documents(body=UserSettings),
        request_max_body_size=BODY_BYTES,
        opt=scope("users:write", whose="path"),
        response_headers=PRIVATE,
    )
    async def put_user(
        self, user_id: FromPath[str], body: RawBody, accounts: NamedDependency[Accounts]
    ) -> Profile:
        """Change preferences, demographics, time zone or blocks; the next list already follows."""
        return await accounts.change(read_path(user_id, UserId), decode(body, _settings))

    @get(
        "/export",
        operation_id="exportUser",
        operation_class=documents(),
        opt=scope("recs:read", whose="path"),
        response_headers=PRIVATE,
    )
    async def export(
        self,
        user_id: FromPath[str],
        store: NamedDependency[Store],
        profiles: NamedDependency[Profiles],
        recommender: NamedDependency[Recommender],
    ) -> Response[UserData]:
        """Everything that is kept about a user, in one document, sent as it is read."""
        user = await known(store, read_path(user_id, UserId))
        arms = await recommender.arms(user.id)
        pieces = everything(store, profiles, user, dict(arms.variants))
        body: Response[Any] = Stream(pieces, media_type=MediaType.JSON)
        return body

    @delete(
        status_code=202,
        operation_id="deleteUser",
        operation_class=documents(),
        opt=scope("users:write", whose="path"),
    )
    async def delete_user(
        self, user_id: FromPath[str], accounts: NamedDependency[Accounts]
    ) -> JobRef:
        """Erase the user and every listen."""
        return JobRef(await accounts.erase(read_path(user_id, UserId)))

    @get(
        "/listens",
        operation_id="getListens",
        middleware=[compressed],
        operation_class=documents(query=ListensQuery),
        opt=scope("recs:read", whose="path"),
        response_headers=PRIVATE,
    )
    async def listens(
        self, request: AnyRequest, user_id: FromPath[str], accounts: NamedDependency[Accounts]
    ) -> ListensPage:
        """A user's listens, newest first, page by page."""
        query = read_query(request, ListensQuery)
        user_id = read_path(user_id, UserId)
        found, cursor = await accounts.listens(user_id, query.limit, query.before or None)
        return ListensPage(user_id, found, cursor)

    @get(
        "/similar",
        operation_id="similarUsers",
        middleware=[compressed],
        operation_class=documents(query=SimilarUsersQuery),
        opt=scope("recs:read"),
    )
    async def similar(
        self,
        request: AnyRequest,
        user_id: FromPath[str],
        neighbourhood: NamedDependency[Neighbourhood],
    ) -> SimilarUsersPage:
        """Users whose likes point the same way, nearest first."""
        query = read_query(request, SimilarUsersQuery)
        user_id = read_path(user_id, UserId)
        return await neighbourhood.of(user_id, limit=query.limit, least=query.min)
