"""An outside look at both cache levels: is what they would serve as new as the store?

Meta's Polaris is the model. Each process draws a hundredth of the users. When one of them changes,
here or elsewhere, what is kept of theirs is looked at 5 s and 60 s later; it is also looked at from
the moment it is kept, for as long as it is served, so that a change nobody told of shows as well.

A look reads the rev from the store first and the caches `BOUND_S` later: an answer below that rev
was overtaken at least so long ago, however many writes are under way.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from itertools import chain, repeat
from math import inf

import structlog

from service import deadline, metrics
from service.cache.two_level import TwoLevel
from service.errors import Unavailable
from service.recommend.addressed import NOBODY
from service.store import Store

log = structlog.get_logger()

LOOKS_S = (5.0, 60.0)
BOUND_S = 4.5
"""Longer than half a second, which is promised: a link that goes silent is found out within four,
and from then on half a minute is promised."""
MOST_USERS = 500
MOST_KEYS = 8
MOST_FOLLOWED = 1_000
"""Changes and users at once, users half of them at most. Each takes two reads of the store in its
first minute, then one."""
GONE = 1 << 62
"""The rev of somebody the store does not know: every answer of theirs is too old."""


class CacheAudit:
    """Counts answers that were compared with the store, and those that were too old.

    `share` of the users is looked at, another one in every process unless `salt` is the same.
    """

    def __init__(
        self,
        store: Store,
        cache: TwoLevel,
        *,
        share: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        salt: bytes | None = None,
    ) -> None:
        self._store, self._cache, self._sleep = store, cache, sleep
        self._below, self._salt = share * 2**64, salt or secrets.token_bytes(16)
        self._keys: dict[str, dict[str, None]] = {}  # by user, the newest last, both
        self._followed: dict[tuple[str, int | None], asyncio.Task[None]] = {}

    def watch(self) -> None:
        """Be told by the cache, unless nobody is to be looked at."""
        if self._below:
            self._cache.witness = self

    async def close(self) -> None:
        """Stop looking."""
        self._cache.witness = None
        tasks, here = list(self._followed.values()), asyncio.get_running_loop()
        for task in tasks:  # who embeds the application may answer in another loop
            task.get_loop().call_soon_threadsafe(task.cancel)
        mine = [task for task in tasks if task.get_loop() is here]
        await asyncio.gather(*mine, return_exceptions=True)

    def kept(self, user_id: str, key: str) -> None:
        """An answer of this user is kept here under this key from now on."""
        if not self._drawn(user_id):
            return
        keys = self._keys.pop(user_id, {})
        keys.pop(key, None)
        if len(keys) >= MOST_KEYS:
            del keys[next(iter(keys))]
        if len(self._keys) >= MOST_USERS:
            del self._keys[next(iter(self._keys))]
        keys[key] = None
        self._keys[user_id] = keys
        self._begin(user_id, None)

    def changed(self, user_id: str, rev: int) -> None:
        """The user has this rev now; it was changed here or elsewhere."""
        if self._drawn(user_id):
            self._begin(user_id, rev)

    def _drawn(self, user_id: str) -> bool:
        digest = blake2b(user_id.encode(), digest_size=8, key=self._salt).digest()
        return user_id != NOBODY and int.from_bytes(digest) < self._below

    def _begin(self, user_id: str, rev: int | None) -> None:
        what, most = (user_id, rev), MOST_FOLLOWED // 2 if rev is None else MOST_FOLLOWED
        if what not in self._followed and len(self._followed) < most:
            task = asyncio.create_task(self._follow(user_id, on=rev is None))
            self._followed[what] = task
            task.add_done_callback(lambda done: self._ended(what, done))

    def _ended(self, what: tuple[str, int | None], done: asyncio.Task[None]) -> None:
        del self._followed[what]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("a look at the caches failed", exc_info=error)

    async def _follow(self, user_id: str, *, on: bool) -> None:
        """Look twice; `on`: and then every minute while anything is served."""
        deadline.UNTIL.set(inf)  # the request that set it off has an end of its own
        first, second = LOOKS_S
        before: int | None = None
        for pause_s in chain((first, second - first), repeat(second) if on else ()):
            await self._sleep(pause_s - BOUND_S)
            rev = await self._stored(user_id)
            await self._sleep(BOUND_S)
            # With the link down half a minute is promised, so what counts is the look before.
            served = await self._compare(user_id, rev if self._cache.hears else before)
            if on and not served:
                return
            before = rev

    async def _stored(self, user_id: str) -> int | None:
        """The rev in the store; None when it does not answer."""
        try:
            user = await self._store.user(user_id)
        except Unavailable:
            return None
        return GONE if user is None else user.rev

    async def _compare(self, user_id: str, least: int | None) -> bool:
        """Whether anything is served; what is below `least` is counted and said."""
        served = False
        for key in list(self._keys.get(user_id, ())):
            for level, answer in await self._cache.peek(user_id, key):
                served = True
                if least is None:
                    continue
                metrics.CACHE_AUDITED.labels(level).inc()
                if answer.rev < least and await self._holds(user_id, least):
                    metrics.CACHE_INCONSISTENT.labels(level).inc()
                    log.warning("old answer kept", level=level, rev=answer.rev, least=least)
        return served

    async def _holds(self, user_id: str, least: int) -> bool:
        """Somebody who was gone may have come back meanwhile, and then has newer answers."""
        return least != GONE or await self._stored(user_id) == GONE
