"""Connections to the events Redis: they answer soon or fail, and never try again by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.errors import BusUnavailable, Invalid

ANSWER_S = 2.0


def open_redis(url: str, *, answer_s: float | None = ANSWER_S) -> Redis:
    """A client; None for one that waits for something to happen.

    Raises:
        Invalid: the address is none.
    """
    try:
        client: Redis = Redis.from_url(
            url,
            socket_timeout=answer_s,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise Invalid(f"ECHOTUNE_EVENTS_REDIS_URL is no Redis address: {error}") from error
    return client


@asynccontextmanager
async def translated(*, within_s: float | None = None) -> AsyncIterator[None]:
    """Whatever a connection raises is `BusUnavailable`, and so is silence for longer than this.

    A client that waits knows no end of its own: without one a frozen Redis would be waited for.
    """
    try:
        async with asyncio.timeout(within_s):
            yield
    except (RedisError, OSError, RuntimeError) as error:
        raise BusUnavailable(f"the events Redis did not answer: {type(error).__name__}") from error
