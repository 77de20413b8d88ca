"""The one way in for listens: check, give an id, append once, tell this process and everybody."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from msgspec import UNSET, Struct, UnsetType, structs

from service import metrics
from service.base62 import base62
from service.bus import Bus, FeedbackReceived, ListenStored, UserUpdated
from service.domain import NOT_SENT, Flag, Listen, milliseconds
from service.errors import InvalidListen
from service.learn.limits import Limits
from service.learn.together import Together
from service.store import Store

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
SKEW = timedelta(minutes=5)
LATE = timedelta(days=7)
MOST_TOGETHER = 5_000
"""Listens of several requests that are stored in one go."""
MOST_TOLD = 1_000
LANES = 64
"""Users who are told of at once; what the cache tells others of them travels together."""
Valid = tuple[list[Listen], bool]  # of one request, and whether it is feedback


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
        *,
        limits: Limits | None = None,
    ) -> None:
        self._store, self._bus, self._knows, self._clock = store, bus, knows, clock
        self._limits = limits
        self._together: Together[Valid, int] = Together(self._append, most=MOST_TOGETHER)

    async def take(
        self, listens: Sequence[Listen | Rejected], *, source: str | None = None
    ) -> Receipt:
        """Store what is valid and new; one verdict per listen, none of them spoils another.

        An entry that is `Rejected` already (it did not decode) is passed through to the receipt.
        `source` is the address the listens came from; without one nothing is limited.

        Raises:
            RateLimited: too many came from this source; nothing was stored.
            StoreUnavailable: nothing was acknowledged; sending the same batch again is harmless.
            BusUnavailable, Overloaded: the same, though they may be stored already.
        """
        return await self._take(listens, source)

    async def take_feedback(self, listen: Listen, *, source: str | None = None) -> Receipt:
        """The same for one verdict of a user, which is told as one besides.

        Raises:
            RateLimited, StoreUnavailable, BusUnavailable, Overloaded
        """
        return await self._take([listen], source, is_feedback=True)

    def now(self) -> datetime:
        """The time this listen would get, by the clock that checks all others."""
        return self._clock()

    def _sorted_out(
        self, listens: Sequence[Listen | Rejected], source: str | None
    ) -> tuple[list[Listen], list[Rejected]]:
        limits = self._limits if source is not None else None
        if limits is not None and source is not None:
            limits.check_source(source, len(listens))
        now, valid, rejected = self._clock(), list[Listen](), list[Rejected]()
        for index, listen in enumerate(listens):
            if isinstance(listen, Rejected):
                rejected.append(listen)
                continue
            try:
                checked = self._check(listen, now)
                if limits is not None:
                    limits.check_user(checked)
                valid.append(checked)
            except InvalidListen as error:
                rejected.append(Rejected(index, str(error)))
        return valid, rejected

    async def _take(
        self,
        listens: Sequence[Listen | Rejected],
        source: str | None,
        *,
        is_feedback: bool = False,
    ) -> Receipt:
        valid, rejected = self._sorted_out(listens, source)
        if not valid:
            return Receipt(0, 0, rejected)
        duplicates = await self._together.join((valid, is_feedback), len(valid))
        return Receipt(len(valid) - duplicates, duplicates, rejected)

    async def _append(self, requests: Sequence[Valid]) -> list[int]:
        """Store and tell what came at the same time; of each request, how many were duplicates."""
        valid = [listen for listens, _ in requests for listen in listens]
        appended = await self._store.append(valid)
        new = [listen for listen, is_new in zip(valid, appended.stored, strict=True) if is_new]
        _count(new)
        if new:
            await self._bus.publish(ListenStored(new))
        said = [FeedbackReceived(listens[0]) for listens, is_feedback in requests if is_feedback]
        said_by = {fact.listen.user_id for fact in said}
        updates = [
            UserUpdated(user_id, rev, "feedback" if user_id in said_by else "listen")
            for user_id, rev in appended.revs.items()
        ]
        again = {listen.user_id for listen in valid} - appended.revs.keys()
        # Side by side: one after the other each user took 13 ms of a busy loop.
        await asyncio.gather(
            *(self._publish(updates[lane::LANES]) for lane in range(min(LANES, len(updates)))),
            self._tell_again(again),
            self._bus.send(*_facts(valid, appended.stored), *said),
        )
        stored = iter(appended.stored)
        return [sum(not next(stored) for _ in listens) for listens, _ in requests]

    async def _publish(self, updates: Sequence[UserUpdated]) -> None:
        for update in updates:
            await self._bus.publish(update)

    async def _tell_again(self, user_ids: set[str]) -> None:
        """A listen that comes again may be one whose process died before anybody was told."""
        users = await asyncio.gather(*map(self._store.user, user_ids))
        await self._publish([UserUpdated(one.id, one.rev) for one in users if one is not None])

    def _check(self, listen: Listen, now: datetime) -> Listen:
        if not self._knows(listen.track_id):
            raise InvalidListen(f"unknown track {listen.track_id!r}: PUT it to /v1/tracks first")
        if listen.at == NOT_SENT and not listen.id:
            raise InvalidListen("`at` is required unless the listen has an `id`")
        if (listen.action == "rating") != (listen.rating is not None):
            raise InvalidListen('`rating` and the action "rating" need each other')
        sent = now if listen.at == NOT_SENT else listen.at
        if not EARLIEST <= sent <= now + SKEW:  # before any conversion: year 1 has no UTC in Tokyo
            raise InvalidListen(f"`at` must lie between 2000-01-01 and now, got {sent.isoformat()}")
        at, flag = _to_milliseconds(min(sent, now)), _flag(listen, sent, now)
        if listen.id and listen.at is at and listen.flag is flag:
            return listen
        # The id is made from the time that was sent: clamped again it would be another one.
        return structs.replace(listen, at=at, id=listen.id or listen_id(listen, sent), flag=flag)


def listen_id(listen: Listen, at: datetime) -> str:
    """Base62 of blake2b-128 over user, track, action, `at` in ms: a resent listen keeps its id."""
    parts = (listen.user_id, listen.track_id, listen.action, str(milliseconds(at)))
    return base62(blake2b("\0".join(parts).encode(), digest_size=16).digest())


def _facts(valid: list[Listen], stored: list[bool]) -> Iterator[ListenStored]:
    """No larger than one request can make them: readers take many at once."""
    for start in range(0, len(valid), MOST_TOLD):
        flags = stored[start : start + MOST_TOLD]
        again = [place for place, is_new in enumerate(flags) if not is_new]
        yield ListenStored(valid[start : start + MOST_TOLD], again)


def _flag(listen: Listen, at: datetime, now: datetime) -> Flag | UnsetType:
    if at > now:
        return "clamped"
    return "late" if listen.timed and now - at > LATE else UNSET


def _to_milliseconds(at: datetime) -> datetime:
    """The same object when it is in UTC and whole milliseconds already."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    over = at.microsecond % 1000
    return at.replace(microsecond=at.microsecond - over) if over else at


def _count(new: list[Listen]) -> None:
    for action, count in Counter(listen.action for listen in new).items():
        metrics.LISTENS.labels(action).inc(count)
    for flag, count in Counter(listen.flag for listen in new).items():
        if flag is not UNSET:
            metrics.LISTENS_FLAGGED.labels(flag).inc(count)
