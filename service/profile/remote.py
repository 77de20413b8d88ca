"""Profiles that are a service of their own, asked over HTTP (`POST /v1/profiles`).

The answer says of which edition of the catalogue it is. A profile of another edition than the one
at hand is made here instead: the same store gives the same bytes, wherever they are made.
"""

from typing import Annotated

import anyio
import anyio.to_thread
import msgspec
from msgspec import Meta, Struct

from service.domain import UserId
from service.errors import Invalid, PeerUnavailable
from service.model.catalogue import Catalogue
from service.peer import Peer
from service.profile.profile import Profile

MOST_AT_ONCE = 8
"""Threads that wait for the service; while it hangs, lists must still find one."""


class ProfileQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose profile."""

    user_id: UserId


class ProfileReply(Struct, frozen=True):
    """The profile as of now; None of somebody the store does not know."""

    edition: Annotated[int, Meta(ge=0)]
    profile: Profile | None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ProfileReply).decode


class RemoteProfiles:
    """Asks the service of profiles."""

    def __init__(self, url: str, *, timeout_s: float, key: str | None = None) -> None:
        self._peer = Peer("profiles", url, "/v1/profiles", timeout_s=timeout_s, key=key)
        self._room = anyio.CapacityLimiter(MOST_AT_ONCE)

    async def profile(self, user_id: str, catalogue: Catalogue) -> Profile | None:
        """The profile by this catalogue; None of somebody the store does not know.

        Raises:
            PeerUnavailable: no answer in time, none that can be understood, or one by another
                edition of the catalogue.
        """
        question = _encode(ProfileQuestion(user_id))
        reply = await anyio.to_thread.run_sync(
            self._peer.ask, question, lambda body: _of(user_id, body), limiter=self._room
        )
        if reply.edition != catalogue.edition:
            raise PeerUnavailable("profiles are of another edition of the catalogue")
        return reply.profile

    def close(self) -> None:
        """Let go of the connections nobody uses."""
        self._peer.close()


def _of(user_id: str, body: bytes) -> ProfileReply:
    reply = _decode(body)
    if reply.profile is not None and reply.profile.user_id != user_id:
        raise Invalid("the profile of somebody else")
    return reply
