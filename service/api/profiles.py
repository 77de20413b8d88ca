"""POST /v1/profiles: one profile, for another process that answers the listener."""

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import RawBody

from service.api.contract import decode, documents
from service.api.listens import BODY_BYTES
from service.api.scopes import scope
from service.errors import UnknownUser
from service.learn.accounts import Accounts
from service.model.current import Current
from service.profile.remote import ProfileQuestion, ProfileReply

_question = msgspec.json.Decoder(ProfileQuestion)


class ProfileController(Controller):
    """Profiles as a service of their own: `ECHOTUNE_PROFILES_SERVICE` names it."""

    tags = ("profiles",)

    @post(
        "/v1/profiles",
        status_code=200,
        operation_id="askProfile",
        operation_class=documents(body=ProfileQuestion),
        request_max_body_size=BODY_BYTES,
        opt=scope("profiles:ask"),
        response_headers={"Cache-Control": "no-store"},
    )
    async def ask(
        self,
        body: RawBody,
        accounts: NamedDependency[Accounts],
        current: NamedDependency[Current],
    ) -> ProfileReply:
        """What the store says of a user now; null of somebody it does not know."""
        question, catalogue = decode(body, _question), current.catalogue
        try:
            profile = await accounts.profile(question.user_id, catalogue)
        except UnknownUser:
            profile = None
        return ProfileReply(catalogue.edition, profile)
