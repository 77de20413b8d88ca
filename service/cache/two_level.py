"""Both levels together: answers that are never of an older rev than is known.

A reader is served from the local level, from the shared one, or by making the answer; whoever
comes meanwhile waits for the same work. What was begun before a change is served once and not kept.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from math import inf
from typing import Literal, Protocol

from service import deadline
from service.cache.absent import Absent
from service.cache.answer import Answer
from service.cache.flights import Flights
from service.cache.local import LIKELIEST, Kept, Local
from service.cache.notices import Notices
from service.cache.protocol import ERASED, LEASE_S, Claim, Shared, SharedUnavailable
from service.cache.revs import Revs
from service.lookups import LookupTally, watched

Level = Literal["local", "shared"]
Source = Literal["local", "shared", "miss"]
Served = tuple[Answer, Source] | None
Load = Callable[[], Awaitable[Answer | None]]

TRUST_S = 30.0
"""How long local answers are served after the invalidation link was last heard."""
POLL_S = 0.02
"""How often whoever waits for another process's work looks whether it is done."""
ABSENT_SHARE = 0.05


class Witness(Protocol):
    """Whoever checks from outside what is kept; see service/learn/cache_audit.py."""

    def kept(self, user_id: str, key: str) -> None:
        """An answer is kept locally from now on."""

    def changed(self, user_id: str, rev: int) -> None:
        """The user has changed, here or elsewhere."""


class TwoLevel:
    """Answers by key, each of one user; `shared` None: this process is alone."""

    def __init__(
        self,
        capacity_bytes: int,
        revs: Revs,
        shared: Shared | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        for_absent = int(capacity_bytes * ABSENT_SHARE)
        self.local = Local(capacity_bytes - for_absent, clock)
        self._absent = Absent(for_absent, clock)
        self._revs, self._shared, self._clock, self._sleep = revs, shared, clock, sleep
        self._draw = draw
        self._notices = Notices(shared.note, sleep=sleep) if shared else None
        self._flights: Flights[Served] = Flights()
        self._storing: set[asyncio.Task[None]] = set()
        self._down_since = clock() if shared else None  # until the link says otherwise
        self._news = False
        self.witness: Witness | None = None
        self._tally = watched(LookupTally())

    @property
    def linked(self) -> bool:
        """Whether other processes tell which users they change."""
        return self._shared is not None and self._down_since is None

    @property
    def hears(self) -> bool:
        """Whether every change is heard of at once, as far as this process can tell."""
        return self._down_since is None

    def hit(self, user_id: str, key: str) -> Answer | None:
        """What is kept locally and beyond doubt. Nothing here waits, so that a hit stays cheap."""
        kept = self.local.get(key)
        if kept is None or self._down_since is not None:
            return None
        rev = self._revs.floor(user_id)
        if rev is None or not 0 <= rev <= kept.rev or self._clock() >= kept.early:
            return None
        self._tally.local += 1
        return kept.answer

    async def get(self, user_id: str, key: str, load: Load) -> Served:
        """The answer and where it came from; None when `load` knows no such user."""
        if (answer := self.hit(user_id, key)) is not None:
            return answer, "local"
        rev, kept, now = self._revs.get(user_id), self.local.get(key), self._clock()
        if kept and self._serves(kept, rev, now):
            if now >= kept.until:
                self._tally.stale += 1
                self._refresh(user_id, key, load)
            else:
                self._tally.local += 1
                if now >= kept.early and kept.due(now, self._draw()):
                    self._refresh(user_id, key, load)
            return kept.answer, "local"
        if rev is None and self._down_since is None and user_id in self._absent:
            self._tally.negative += 1
            return None
        work = partial(self._fill, user_id, key, rev, load)
        return await self._flights.join(self._flight(key, rev), work)

    def at_hand(self, user_id: str, key: str) -> bool:
        """Whether an answer is kept, of whatever age, or on its way to somebody else."""
        if self.local.get(key) is not None:
            return True
        return self._flight(key, self._revs.get(user_id)) in self._flights

    def whatever(self, user_id: str, key: str) -> Answer | None:
        """What this process keeps, however old (24 h at most), for when nothing can be made.

        Nothing of a user who was erased.
        """
        kept, rev = self.local.get(key), self._revs.floor(user_id)
        return None if kept is None or (rev is not None and rev < 0) else kept.answer

    async def peek(self, user_id: str, key: str) -> list[tuple[Level, Answer]]:
        """What each level would answer with; nothing is made, learned, kept or counted.

        Of the shared level: to a process that knows nothing better.
        """
        found: list[tuple[Level, Answer]] = []
        kept = self.local.get(key)
        if kept and self._serves(kept, self._revs.get(user_id), self._clock()):
            found.append(("local", kept.answer))
        if self._shared is not None:
            with contextlib.suppress(SharedUnavailable):
                if (answer := (await self._shared.read(user_id, key)).answer) is not None:
                    found.append(("shared", answer))
        return found

    async def note(self, user_id: str, rev: int | None) -> None:
        """The user has changed here (None: was erased); every process is told."""
        self.heard(user_id, ERASED if rev is None else rev)
        if self._notices is not None:
            await self._notices.send(user_id, ERASED if rev is None else rev)

    async def announce(self) -> None:
        """The catalogue or the model has changed here; every other process is told once."""
        if self._shared is not None:
            with contextlib.suppress(SharedUnavailable):  # they look by themselves, if not as soon
                await self._shared.announce()

    def announced(self) -> None:
        """The catalogue or the model has changed elsewhere."""
        self._news = True

    def take_news(self) -> bool:
        """Whether anything was announced since the last time this was asked."""
        news, self._news = self._news, False
        return news

    def heard(self, user_id: str, rev: int) -> None:
        """The user has changed, here or elsewhere."""
        self._absent.remove(user_id)
        if rev == ERASED:
            self._revs.forget(user_id)
        else:
            self._revs.learn(user_id, rev)
        if self.witness is not None:
            self.witness.changed(user_id, rev)

    def count_from(self, number: int) -> None:
        """Nothing is kept from before this write of the store."""
        self._revs.count_from(number)

    def heard_all(self, last: int, *, patient: bool = False) -> bool:
        """Whether of every write up to `last` was heard whom it changed, since this was asked."""
        return self._revs.heard_all(last, patient=patient)

    def lost(self, since: float) -> None:
        """Nothing was heard since then: local answers are good for half a minute more."""
        self._down_since = since

    def regained(self) -> None:
        """Everything is heard from now on, and nothing kept before is trusted."""
        self._down_since = None
        self.forget_all()

    def forget_all(self) -> None:
        """Keep nothing, and nothing of what is being made either."""
        self._revs.forget_all()
        self._absent.clear()
        self.local.clear()

    async def close(self) -> None:
        """Stop what is under way."""
        await self._flights.close()
        await asyncio.gather(*self._storing, return_exceptions=True)
        if self._notices is not None:
            await self._notices.close()

    def _serves(self, kept: Kept, rev: int | None, now: float) -> bool:
        return rev is not None and kept.answer.rev >= rev and self._trusts(kept, now)

    def _flight(self, key: str, rev: int | None) -> Hashable:
        """With the link down a change is not heard of: nobody joins work that began long ago."""
        era = None if self._down_since is None else self._clock() // TRUST_S
        return key, rev, self._revs.forgotten, era

    def _trusts(self, kept: Kept, now: float) -> bool:
        down = self._down_since
        return now < kept.gone and (down is None or now - max(down, kept.since) <= TRUST_S)

    def _refresh(self, user_id: str, key: str, load: Load) -> None:
        rev = self._revs.get(user_id)
        work = partial(self._fill, user_id, key, rev, load, ahead=True)
        self._flights.begin((key, rev, self._revs.forgotten, "ahead"), work)

    async def _fill(
        self, user_id: str, key: str, rev: int | None, load: Load, *, ahead: bool = False
    ) -> Served:
        as_of, began = self._revs.forgotten, self._clock()
        answer, claim = await self._from_shared(user_id, key, rev, as_of, ahead=ahead)
        if answer is not None:
            self._keep(user_id, key, answer, as_of, began)
            if self._clock() >= answer.made + answer.fresh_s:
                self._tally.stale += 1
                self._refresh(user_id, key, load)
            else:
                self._tally.shared += not ahead
            return answer, "shared"
        self._tally.miss += not ahead
        answer = None
        if ahead:
            deadline.UNTIL.set(inf)  # nobody waits: the request that set it off has its answer
        try:
            answer = await load()
        finally:  # also when it fails: somebody may be waiting for the lease
            if claim is not None:
                self._begin_store(user_id, key, answer, claim)
        if answer is None:
            if self._revs.forgotten == as_of and self._revs.get(user_id) is None:
                self._absent.add(user_id)
        else:
            self._revs.learn(user_id, answer.rev, as_of=as_of)
            self._keep(user_id, key, answer, as_of, began)
        return None if answer is None else (answer, "miss")

    async def _from_shared(
        self, user_id: str, key: str, rev: int | None, as_of: int, *, ahead: bool
    ) -> tuple[Answer | None, Claim | None]:
        """An answer, or the right to make it; neither when there is nobody to ask.

        `ahead`: only an answer that is not near its end will do; such a one the reader has got.
        """
        if self._shared is None or self._notices is None or self._notices.owes(user_id):
            return None, None
        patience = self._clock() + LEASE_S
        try:
            while True:
                found = await self._shared.read(user_id, key)
                newest = max(rev or ERASED, found.rev)
                if found.rev != ERASED:
                    self._revs.learn(user_id, found.rev, as_of=as_of)
                if found.answer and found.answer.rev >= newest:
                    margin_s = found.answer.fresh_s - found.answer.cost_s * LIKELIEST
                    if not ahead or self._clock() < found.answer.made + margin_s:
                        return found.answer, None
                claim = await self._shared.claim(user_id, key, newest, found.seen)
                if claim.held or self._clock() >= patience:
                    return None, claim
                await self._sleep(POLL_S)
        except SharedUnavailable:
            return None, None

    def _keep(self, user_id: str, key: str, answer: Answer, as_of: int, began: float) -> None:
        floor = self._revs.get(user_id)
        if self._revs.forgotten == as_of and floor is not None and answer.rev >= floor:
            self.local.put(key, answer, since=began)
            if self.witness is not None:
                self.witness.kept(user_id, key)

    def _begin_store(self, user_id: str, key: str, answer: Answer | None, claim: Claim) -> None:
        task = asyncio.create_task(self._store(user_id, key, answer, claim))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _store(self, user_id: str, key: str, answer: Answer | None, claim: Claim) -> None:
        assert self._shared is not None  # noqa: S101 - there is a claim
        try:
            if answer is None:
                await self._shared.release(key, claim)
            else:
                ttl_s = answer.made + answer.fresh_s + answer.stale_s - self._clock()
                await self._shared.put(user_id, key, answer, claim, ttl_s=ttl_s)
        except SharedUnavailable:
            return  # the lease runs out by itself
