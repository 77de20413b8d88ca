"""The one place that opens connections to Redis."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.errors import Invalid

ANSWER_S = 0.25
"""After this a connection is given up. Callers have waited far less; see redis.py."""

BROKEN = (RedisError, OSError, RuntimeError)
"""What a connection that fails raises. TimeoutError is an OSError; uvloop says RuntimeError when it
is asked to write to a connection that was just reset, and redis-py lets that through."""


def open_client(url: str) -> Redis:
    """A client for the request path: it answers soon or fails, and never tries again by itself.

    redis-py's own defaults are ten retries: one GET of a dead server took 2.73 s.

    Raises:
        Invalid: no such URL. It is not repeated, since it may hold a password.
    """
    return _open(url, socket_timeout=ANSWER_S)


def open_blocking_client(url: str) -> Redis:
    """A client of its own for reads that wait for something to happen.

    Raises:
        Invalid: no such URL.
    """
    return _open(url, socket_timeout=None)


def _open(url: str, *, socket_timeout: float | None) -> Redis:
    try:
        client: Redis = Redis.from_url(
            url,
            socket_timeout=socket_timeout,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise Invalid("ECHOTUNE_REDIS_URL: use redis://, rediss:// or unix://") from error
    return client
