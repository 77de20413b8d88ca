"""Everything about one user as one JSON document, piece by piece: memory holds one page of it."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec
from msgspec import Struct

from service.domain import (
    EPOCH,
    Blocked,
    Demographics,
    Listen,
    Preferences,
    ShownList,
    User,
)
from service.errors import UnknownUser
from service.learn.profiles import Profiles
from service.profile.profile import Profile
from service.store import Store

PAGE = 1_000
encode = msgspec.json.encode


class Settings(Struct, frozen=True):
    """What the user said of themselves."""

    preferences: Preferences
    demographics: Demographics
    timezone: str
    blocked: Blocked


class UserData(Struct, frozen=True):
    """All that is kept about a user; listens newest first, shown lists oldest first."""

    user_id: str
    exported_at: datetime
    settings: Settings
    profile: Profile
    assignments: dict[str, str]
    listens: list[Listen]
    shown: list[ShownList]


async def known(store: Store, user_id: str) -> User:
    """The user, before anything is sent.

    Raises:
        UnknownUser, StoreUnavailable
    """
    user = await store.user(user_id)
    if user is None:
        raise UnknownUser(f"there is no user {user_id!r}")
    return user


async def everything(
    store: Store,
    profiles: Profiles,
    user: User,
    assignments: Mapping[str, str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[bytes]:
    """A `UserData` as JSON, in pieces.

    Raises:
        StoreUnavailable: in the middle of it: what was sent is not whole, and not valid JSON.
    """
    said = Settings(user.preferences, user.demographics, user.timezone, user.blocked)
    head: dict[str, Any] = {
        "user_id": user.id,
        "exported_at": clock(),
        "settings": said,
        "profile": msgspec.Raw(await profiles.encoded(user.id)),
        "assignments": assignments,
    }
    yield encode(head)[:-1] + b',"listens":['
    last = None
    for page in count():
        listens = await store.recent(user.id, PAGE, before=last)
        if not listens:
            break
        last = listens[-1].at, listens[-1].id
        yield (b"," if page else b"") + encode(listens)[1:-1]
    yield b'],"shown":['
    first = True
    async for lists in store.shown(EPOCH, user_id=user.id, batch=PAGE):
        if lists:
            yield (b"" if first else b",") + encode(lists)[1:-1]
            first = False
    yield b"]}\n"
