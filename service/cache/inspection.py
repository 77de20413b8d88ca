"""How a Redis is set up, for those who have to judge whether it will do."""

import contextlib

from msgspec import Struct
from redis.exceptions import ResponseError

from service.cache.clients import BROKEN, open_client
from service.cache.protocol import SharedUnavailable


class RedisSetup(Struct, frozen=True):
    """What matters of a running server."""

    run_id: str  # another one after every start
    version: str
    policy: str  # maxmemory-policy
    limit_bytes: int  # maxmemory; 0: none
    appends: bool  # appendonly
    fsync: str | None  # appendfsync; None: it does not say


async def inspect(url: str) -> RedisSetup:
    """Ask the server at `url`.

    Raises:
        Invalid: no such URL.
        SharedUnavailable: it does not answer, or not to us.
    """
    client = open_client(url)
    try:
        told = await client.info()
        fsync = None
        with contextlib.suppress(ResponseError):  # hosted ones hide CONFIG
            fsync = (await client.config_get("appendfsync")).get("appendfsync")
    except BROKEN as error:
        raise SharedUnavailable(type(error).__name__) from error
    finally:
        await client.aclose()
    valkey = told.get("valkey_version")
    return RedisSetup(
        run_id=told["run_id"],
        version=f"Valkey {valkey}" if valkey else f"Redis {told['redis_version']}",
        policy=told.get("maxmemory_policy", "unknown"),
        limit_bytes=told.get("maxmemory", 0),
        appends=bool(told.get("aof_enabled")),
        fsync=fsync,
    )
