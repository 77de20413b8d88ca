"""The port every store adapter fulfils; tests/contracts/test_store.py says what that means."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from service.api_key import ApiKey
from service.domain import (
    Experiment,
    Listen,
    Neighbour,
    ShownList,
    StoredProfile,
    Track,
    User,
    UserSettings,
)
from service.store.published import Published

HourlyPlays = list[tuple[str, datetime, int]]
"""Track id, hour and count, by track and hour."""


class Appended(Struct, frozen=True):
    """What one `append` did: per listen whether it was new, and the new rev of every user."""

    stored: list[bool]
    revs: dict[str, int]


@runtime_checkable  # Litestar checks what it injects
class Store(Protocol):
    """Listens (append-only), tracks and experiments (never removed) and users.

    Adapters raise `StoreUnavailable` and nothing else. What returns is durable.
    """

    @property
    def models(self) -> Published | None:
        """Where model versions go besides the data folder; None: nowhere."""
        ...

    async def append(self, listens: Sequence[Listen]) -> Appended:
        """Store the listens that are new; (user_id, id) stored before is a duplicate."""
        ...

    async def recent(
        self, user_id: str, limit: int, *, before: tuple[datetime, str] | None = None
    ) -> list[Listen]:
        """A user's listens, newest first by (at, id), at most `limit`, strictly `before`."""
        ...

    def listens(self, *, batch: int = 10_000) -> AsyncIterator[list[Listen]]:
        """Every listen, user by user, in batches."""
        ...

    async def stored_mark(self) -> str:
        """Where the log of listens ends now; "" is its beginning."""
        ...

    def stored_since(
        self, mark: str, *, until: str | None = None, batch: int = 10_000
    ) -> AsyncIterator[tuple[list[Listen], str]]:
        """Listens stored since a mark was taken, as they were written, each batch with its mark.

        None is missed, whichever process stored it; some may be told again, and so whoever asks
        knows what they have seen. What a release before this log stored is not in it.
        """
        ...

    async def put_tracks(self, tracks: Sequence[Track]) -> list[bool]:
        """Insert or replace; False where the same track was already stored unchanged."""
        ...

    async def track(self, track_id: str) -> Track | None:
        """The track with this id."""
        ...

    async def tracks(self, *, offset: int = 0) -> list[Track]:
        """The catalogue in its row order, from row `offset` on. Rows never move."""
        ...

    async def resolve(self, kind: str, values: Sequence[str]) -> dict[str, str]:
        """Track ids of aliases of one kind (isrc, spotify, …); unknown values are left out."""
        ...

    def aliases(self, *, batch: int = 10_000) -> AsyncIterator[list[tuple[str, str, str]]]:
        """Every alias as (kind, value, track id), by kind and value, in batches."""
        ...

    async def put_aliases(self, aliases: Sequence[tuple[str, str, str]]) -> None:
        """Let each (kind, value) mean that track from now on."""
        ...

    async def user(self, user_id: str) -> User | None:
        """The user, or None when no listen and no setting was ever stored."""
        ...

    async def known(self, user_id: str, limit: int) -> tuple[User, list[Listen]] | None:
        """`user`, then `recent`, in one go: the listens may be newer than the rev."""
        ...

    def users(self, *, batch: int = 10_000) -> AsyncIterator[list[User]]:
        """Every user by id, in batches."""
        ...

    async def put_user(self, user_id: str, settings: UserSettings) -> User:
        """Create or change a user: the parts that are given. Raises its rev."""
        ...

    async def delete_user(self, user_id: str) -> int:
        """Erase the user with all that was listened to, derived and shown; how many listens.

        Files of our own are rewritten: no byte of it is left in them.
        """
        ...

    def forget_listens(self, before: datetime) -> AsyncIterator[dict[str, int]]:
        """Drop listens that are older, and say whose, with the new revs, in batches.

        Those without a time stay: nobody knows how old they are.
        """
        ...

    async def delete_listen(self, user_id: str, listen_id: str) -> int | None:
        """Drop one listen; the user's new rev, None when there was none to drop.

        What was learned from it stays in the model until the next fit.
        """
        ...

    async def put_profile(self, profile: StoredProfile) -> bool:
        """Keep a profile; False when one of a newer rev is there or nobody has this id."""
        ...

    async def profile(self, user_id: str) -> StoredProfile | None:
        """The profile that was kept last."""
        ...

    async def put_neighbours(self, user_id: str, rev: int, neighbours: Sequence[Neighbour]) -> bool:
        """Replace a user's neighbours; False when newer ones are there or nobody has this id."""
        ...

    async def neighbours(self, user_id: str, limit: int, *, least: float) -> list[Neighbour]:
        """At most `limit` users at least so similar, nearest first, then by id."""
        ...

    async def put_shown(self, lists: Sequence[ShownList]) -> int:
        """Keep these lists; how many were not kept before, by (user_id, list_id): the first stays.

        Times are kept to the millisecond. It raises nobody's rev and is no change to others.
        """
        ...

    def shown(
        self,
        since: datetime,
        *,
        until: datetime | None = None,
        user_id: str | None = None,
        batch: int = 1_000,
    ) -> AsyncIterator[list[ShownList]]:
        """Lists sent at or after `since` and before `until`, to one user or all, in batches.

        User by user, each user's by (at, list_id); a user's may be cut between batches.
        """
        ...

    async def forget_shown(self, before: datetime) -> int:
        """Drop the lists that were sent before; how many."""
        ...

    async def put_experiment(
        self, experiment: Experiment, *, expected_rev: int
    ) -> Experiment | None:
        """Store it as of rev `expected_rev` + 1; None, and nothing done, when another is there.

        `expected_rev` is the rev that was read before the change, 0 for a new one; the rev that
        `experiment` itself carries does not count.
        """
        ...

    async def experiment(self, name: str) -> Experiment | None:
        """The experiment with this name."""
        ...

    async def experiments(self) -> list[Experiment]:
        """All of them by name, archived ones too."""
        ...

    async def put_key(self, key: ApiKey) -> None:
        """Keep an API key in place of the one with its id; it goes with its user when that does.

        It raises nobody's rev and is no change to others.
        """
        ...

    async def keys(self) -> list[ApiKey]:
        """All of them by id, revoked ones too."""
        ...

    async def hourly_plays(self, since: datetime) -> HourlyPlays:
        """(track id, hour, count) since then: what trends.

        Timed plays of 30 s or of no known length, likes and saves: each user's of a track in a day
        (UTC) count as `domain.counted` says, in the last hour of them. Only of tracks that
        `domain.SUPPORT` users played; probes are nobody.
        """
        ...

    async def plays_at_mark(self, since: datetime) -> tuple[HourlyPlays, str]:
        """`hourly_plays` and `stored_mark` of one moment: what is behind the mark is not counted.

        A store that knows no moments asks until nothing was stored meanwhile, three times at most.
        """
        ...

    async def mean_rating(self, since: datetime) -> float | None:
        """Mean of the ratings given since then; None when there were none."""
        ...

    async def changed_elsewhere(self) -> bool:
        """Whether another process has written since the last time this was asked.

        Listens, users and tracks; lists that were shown never count.
        """
        ...

    async def last_number(self) -> int | None:
        """The number of the newest write; None where writes are not numbered.

        All processes share the numbers. A user's rev is the number of the write that changed them;
        whoever is erased and whatever tracks are new take a number that is nobody's rev.
        """
        ...

    async def counts(self) -> dict[str, int]:
        """How many `listens`, `tracks` and `users` are stored."""
        ...

    async def unindexed(self) -> list[str]:
        """Reads that no index answers, and indexes that miss; as it should be: none."""
        ...

    async def weaknesses(self) -> list[str]:
        """What makes it keep less than it promises; as it should be: nothing.

        Raises:
            StoreUnavailable: it refuses a write that waits until it is durable.
        """
        ...

    async def ping(self) -> None:
        """Return if the store answers."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, then let go of every resource."""
        ...
