"""The one way in for listens: check, give an id, append once, tell the bus."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from msgspec import Struct, structs

from service import metrics
from service.base62 import base62
from service.bus import Bus, ListenStored, UserUpdated
from service.domain import NOT_SENT, Listen, milliseconds
from service.errors import InvalidListen
from service.store import Store

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
SKEW = timedelta(minutes=5)


class Rejected(Struct, frozen=True):
    """A listen that was not stored, by its place in the batch."""

    index: int
    error: str


class Receipt(Struct, frozen=True):
    """What became of a batch: everything accepted is durable."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]


class Ingest:
    """Takes listens in. `knows` says whether a track id is in the catalogue."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        knows: Callable[[str], bool],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._bus, self._knows, self._clock = store, bus, knows, clock

    async def take(self, listens: Sequence[Listen | Rejected]) -> Receipt:
        """Store what is valid and new; one verdict per listen, none of them spoils another.

        An entry that is `Rejected` already (it did not decode) is passed through to the receipt.

        Raises:
            StoreUnavailable: nothing was acknowledged; sending the same batch again is harmless.
        """
        now, valid, rejected = self._clock(), [], []
        for index, listen in enumerate(listens):
            if isinstance(listen, Rejected):
                rejected.append(listen)
                continue
            try:
                valid.append(self._check(listen, now))
            except InvalidListen as error:
                rejected.append(Rejected(index, str(error)))
        stored = await self._append(valid) if valid else 0
        return Receipt(stored, len(valid) - stored, rejected)

    def now(self) -> datetime:
        """The time this listen would get, by the clock that checks all others."""
        return self._clock()

    async def _append(self, valid: list[Listen]) -> int:
        appended = await self._store.append(valid)
        new = [listen for listen, is_new in zip(valid, appended.stored, strict=True) if is_new]
        for listen in new:
            metrics.LISTENS.labels(listen.action).inc()
        if new:
            await self._bus.publish(ListenStored(new))
        for user_id, rev in appended.revs.items():
            await self._bus.publish(UserUpdated(user_id, rev))
        # A listen that comes again may be one whose process died before anybody was told.
        for user_id in {listen.user_id for listen in valid} - appended.revs.keys():
            user = await self._store.user(user_id)
            if user is not None:
                await self._bus.publish(UserUpdated(user_id, user.rev))
        return len(new)

    def _check(self, listen: Listen, now: datetime) -> Listen:
        if not self._knows(listen.track_id):
            raise InvalidListen(f"unknown track {listen.track_id!r}: PUT it to /v1/tracks first")
        if listen.at == NOT_SENT and not listen.id:
            raise InvalidListen("`at` is required unless the listen has an `id`")
        if (listen.action == "rating") != (listen.rating is not None):
            raise InvalidListen('`rating` and the action "rating" need each other')
        at = now if listen.at == NOT_SENT else listen.at
        if not EARLIEST <= at <= now + SKEW:  # before any conversion: year 1 has no UTC in Tokyo
            raise InvalidListen(f"`at` must lie between 2000-01-01 and now, got {at.isoformat()}")
        at = at.astimezone(UTC)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        return structs.replace(listen, at=at, id=listen.id or listen_id(listen, at))


def listen_id(listen: Listen, at: datetime) -> str:
    """Base62 of blake2b-128 over user, track, action, `at` in ms: a resent listen keeps its id."""
    parts = (listen.user_id, listen.track_id, listen.action, str(milliseconds(at)))
    return base62(blake2b("\0".join(parts).encode(), digest_size=16).digest())
