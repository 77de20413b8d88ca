"""The parts of the house that this door opens on, and who is let through."""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct, field

from service.doors.identity import Resolver
from service.doors.listenbrainz.playing import NowPlaying
from service.doors.listenbrainz.refusal import AnyRequest, Refused, bad
from service.doors.listenbrainz.stand_ins import StandIns
from service.doors.listenbrainz.tokens import Tokens
from service.learn.accounts import Accounts
from service.learn.ingest import Ingest
from service.model.current import Current
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender
from service.store import Store

MOST_ITEMS, ITEMS = 1_000, 25
DIGITS = 15


class Door(Struct, frozen=True, kw_only=True):
    """Everything a route here needs."""

    tokens: Tokens
    store: Store
    ingest: Ingest
    resolver: Resolver
    current: Current
    recommender: Recommender
    neighbourhood: Neighbourhood
    accounts: Accounts
    clock: Callable[[], datetime]
    playing: NowPlaying = field(default_factory=NowPlaying)
    stand: StandIns = field(default_factory=StandIns)
    pressed: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (playlist, model)
    imported: dict[tuple[str, str], int] = field(default_factory=dict)  # (user, service): until

    def user(self, request: AnyRequest) -> str:
        """Who asks. Any word may stand before the token, as with the original.

        Raises:
            Refused: 401, in the contract's words.
        """
        header = request.headers.get("authorization")
        if not header:
            raise Refused(401, "You need to provide an Authorization header.")
        scheme, _, token = header.partition(" ")
        if not scheme or not token.strip():
            raise Refused(401, "Provided Authorization header is invalid.")
        user = self.tokens.user(token.strip())
        if user is None:
            raise Refused(401, "Invalid authorization token.")
        return user

    def reader(self, request: AnyRequest, name: str) -> str:
        """Who asks about `name`: nobody reads of others.

        Raises:
            Refused: 401, or 403 to a token of somebody else, whether there is such a user or not.
        """
        user = self.user(request)
        if user != name:
            raise Refused(403, "This server is private: a token reads of its own user alone.")
        return user


def whole(query: Mapping[str, str], name: str, default: int, *, most: int | None = None) -> int:
    """A number of the query that is not negative; more than `most` is `most`.

    Raises:
        Refused: it is none.
    """
    text = query.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise bad(f"'{name}' should be a non-negative integer")
    return int(text) if most is None else min(int(text), most)
