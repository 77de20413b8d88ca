"""What users say about themselves: read, change, erase; every change is heard on the bus."""

from datetime import datetime

from service.bus import Bus, UserUpdated
from service.domain import Listen, User, UserSettings
from service.errors import Invalid, UnknownUser
from service.jobs import JobQueue
from service.model.catalogue import Catalogue
from service.model.current import Current
from service.profile.clock import zone
from service.profile.history import NEWEST, fold
from service.profile.profile import Profile, describe
from service.store import Store


class Accounts:
    """Users, by id."""

    def __init__(self, store: Store, bus: Bus, current: Current, jobs: JobQueue) -> None:
        self._store, self._bus, self._current, self._jobs = store, bus, current, jobs

    async def profile(self, user_id: str, catalogue: Catalogue | None = None) -> Profile:
        """The profile as of now, by this catalogue; None: the one that serves.

        Raises:
            UnknownUser
        """
        return await self._describe(await self._known(user_id), catalogue)

    async def change(self, user_id: str, settings: UserSettings) -> Profile:
        """Create or change a user: the parts that are given.

        Raises:
            Invalid: no such time zone.
            BusUnavailable, Overloaded: it is stored, but not everybody knows; say it again.
        """
        if settings.timezone is not None:
            zone(settings.timezone)
        user = await self._store.put_user(user_id, settings)
        await self._bus.tell(UserUpdated(user_id, user.rev, "settings"))
        return await self._describe(user)

    async def erase(self, user_id: str) -> str:
        """Start erasing everything about a user; the id of the job.

        Raises:
            UnknownUser, JobsUnavailable
        """
        await self._known(user_id)
        return (await self._jobs.put("erase", {"user_id": user_id}, priority="high")).job_id

    async def erase_now(self, user_id: str) -> int:
        """Erase a user from the store, and say so; how many listens. Already gone is no error.

        Raises:
            BusUnavailable, Overloaded: they are gone, but not everybody knows; do it again.
        """
        listens = await self._store.delete_user(user_id)
        await self._bus.tell(UserUpdated(user_id, None, "erased"))
        return listens

    async def forget_listen(self, user_id: str, listen_id: str) -> bool:
        """Drop one listen; False when it is not there. Lists follow at once.

        Raises:
            BusUnavailable, Overloaded: it is gone, but not everybody knows.
        """
        rev = await self._store.delete_listen(user_id, listen_id)
        if rev is not None:
            await self._bus.tell(UserUpdated(user_id, rev, "listen"))
        return rev is not None

    async def known(self, user_id: str) -> str:
        """The id, if it is anybody's.

        Raises:
            UnknownUser
        """
        return (await self._known(user_id)).id

    async def rev(self, user_id: str) -> int:
        """How often this user was changed, in a way; 0 of nobody known.

        Raises:
            StoreUnavailable
        """
        user = await self._store.user(user_id)
        return 0 if user is None else user.rev

    async def listens(
        self, user_id: str, limit: int, cursor: str | None
    ) -> tuple[list[Listen], str | None]:
        """One page, newest first, and the cursor of the next (None at the end).

        Raises:
            UnknownUser, Invalid
        """
        await self._known(user_id)
        before = _read_cursor(cursor) if cursor else None
        found = await self._store.recent(user_id, limit + 1, before=before)
        page = found[:limit]
        return page, _write_cursor(page[-1]) if len(found) > limit else None

    async def _known(self, user_id: str) -> User:
        user = await self._store.user(user_id)
        if user is None:
            raise UnknownUser(f"there is no user {user_id!r}")
        return user

    async def _describe(self, user: User, catalogue: Catalogue | None = None) -> Profile:
        catalogue = catalogue or self._current.catalogue
        history = fold(await self._store.recent(user.id, NEWEST), catalogue)
        return describe(user, history, catalogue)


def _write_cursor(listen: Listen) -> str:
    at = listen.at.isoformat().replace("+00:00", "Z")  # a plus in a query is a space
    return f"{at}~{listen.id}"


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    text, _, listen_id = cursor.partition("~")
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("before: use the `next` of the page before") from error
    if at.tzinfo is None:
        raise Invalid("before: use the `next` of the page before")
    return at, listen_id
