"""The keys of the issuer of tokens, as this process knows them.

They are read every five minutes, and at once for a token whose key is not known: but no more than
once a minute, whoever sends whatever. While the issuer does not answer, the keys of before hold for
an hour; then no token does, since one of them may long have been taken back.
"""

import asyncio
import math
from collections.abc import Callable
from time import monotonic

import jwt
import structlog

from service import metrics
from service.access.jwk_set import Algorithm, Keys, signing_keys
from service.access.jwk_source import READ_S, UNREAD
from service.errors import Unavailable
from service.watching import Watch

log = structlog.get_logger()

HOLD_S = 3_600.0
READ_AFTER_S = 300.0
LEAST_BETWEEN_S = 60.0
MOST_WAITING = 100
"""Requests that wait for the keys; a flood of them would be held in memory."""


class IssuerKeys:
    """What `read`, which blocks, says they are. `clock`: monotonic seconds."""

    def __init__(
        self,
        read: Callable[[], bytes],
        algorithms: tuple[Algorithm, ...],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.read, self._algorithms, self._clock = read, algorithms, clock
        self._keys: Keys = {}
        self._raw = b""
        self._read_at, self._asked_at = -math.inf, -math.inf
        self._reading: asyncio.Task[None] | None = None
        self._waiting = 0
        self._watch = Watch(self._look_now_and_then, "which keys the issuer of tokens has")
        metrics.TOKEN_KEYS_AGE_SECONDS.set_function(lambda: self._clock() - self._read_at)

    @property
    def hold(self) -> bool:
        """Whether they are young enough to be believed."""
        return self._clock() - self._read_at < HOLD_S

    @property
    def all(self) -> Keys:
        """All of them; another object when one has changed."""
        return self._keys

    async def key(self, kid: str, algorithm: Algorithm) -> jwt.PyJWK | None:
        """The key of that name; None: the issuer has none.

        Raises:
            Unavailable: nobody can say which keys it has.
        """
        found = self._keys.get((kid, algorithm))
        if found is None or not self.hold:
            await self.look()
            found = self._keys.get((kid, algorithm))
        if not self.hold:
            raise Unavailable("the keys of the issuer of tokens cannot be read: try again later")
        return found

    async def look(self) -> None:
        """Read them anew, unless that was tried a minute ago; all wait for the same attempt.

        Raises:
            Unavailable: too many wait already.
        """
        if self._reading is None:
            if self._clock() - self._asked_at < LEAST_BETWEEN_S:
                return
            self._asked_at = self._clock()
            self._reading = asyncio.create_task(self._renew())
        if self._waiting >= MOST_WAITING:
            raise Unavailable("the keys of the issuer of tokens are being read: try again later")
        self._waiting += 1
        try:
            await asyncio.shield(self._reading)  # whoever waits may leave
        finally:
            self._waiting -= 1

    def watch(self) -> None:
        """Read them again and again from now on."""
        self._watch.start(LEAST_BETWEEN_S)

    async def close(self) -> None:
        """Read no more."""
        await self._watch.close()
        if self._reading is not None:
            await self._reading

    async def _look_now_and_then(self) -> None:
        if self._clock() - self._read_at >= READ_AFTER_S:
            await self.look()

    async def _renew(self) -> None:
        try:
            raw = await asyncio.wait_for(asyncio.to_thread(self.read), READ_S)
            keys = signing_keys(raw, self._algorithms)
        except UNREAD as error:
            metrics.TOKEN_KEYS_READ.labels("failed").inc()
            reason = f"{type(error).__name__}: {error}"
            log.warning("the keys of the issuer of tokens cannot be read", reason=reason)
        else:
            metrics.TOKEN_KEYS_READ.labels("ok").inc()
            self._read_at = self._clock()
            if raw != self._raw:
                self._keys, self._raw = keys, raw
        finally:
            self._reading = None
