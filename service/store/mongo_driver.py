"""What Motor and PyMongo's own client do differently, and what either says when it fails."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from bson import CodecOptions
from bson.errors import BSONError
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidName, InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from service.errors import StoreUnavailable

DEFAULT_DATABASE = "echotune"
DUPLICATE = 11_000
DURABLE = WriteConcern("majority", j=True)
MAJORITY = ReadConcern("majority")
SHARED = {
    "appname": "echotune",
    "connectTimeoutMS": 1_000,
    "maxPoolSize": 32,
    "retryReads": False,  # the caller has a deadline and a ladder; a second try has neither
    "retryWrites": False,  # writes carry their own key: sent twice, stored once
    "serverSelectionTimeoutMS": 1_000,
    "tz_aware": True,
    "waitQueueTimeoutMS": 1_000,
}
READ = SHARED | {"socketTimeoutMS": 2_000}
LONG = SHARED | {"socketTimeoutMS": 60_000}
"""For commits, scans and erasure: a connection pool of their own, so reads never queue behind."""

Client = Callable[..., Any]
"""`AsyncIOMotorClient` or `AsyncMongoClient`."""


async def settled(value: Any) -> Any:  # noqa: ANN401 - whatever the driver gives
    """The value itself: PyMongo wants some calls awaited that Motor does not."""
    return await value if inspect.isawaitable(value) else value


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Every error of the driver becomes `StoreUnavailable`: it names the kind, never a host.

    Raises:
        StoreUnavailable: `what` did not work; the driver's own error is its cause.
    """
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise StoreUnavailable(f"the store could not {what}: {type(error).__name__}") from error


async def batched(cursor: Any, size: int) -> AsyncIterator[list[Any]]:  # noqa: ANN401 - of either driver
    """What a cursor finds, so many at a time."""
    documents: list[Any] = []
    with refusing("read"):
        async for document in cursor:
            documents.append(document)
            if len(documents) == size:
                yield documents
                documents = []
    if documents:
        yield documents


def connect(url: str, client: Client) -> tuple[Any, Any]:
    """A client for reads and one for long work; nothing is sent yet.

    Raises:
        StoreUnavailable: the URL is not one. It is not repeated: it may hold a password.
    """
    try:
        return client(url, **READ), client(url, **LONG)
    except (ConfigurationError, InvalidURI, InvalidName, ValueError) as error:
        raise StoreUnavailable(
            "ECHOTUNE_MONGO_URL cannot be used: it should read"
            " mongodb://host:27017/echotune?replicaSet=rs0"
        ) from error


def database(client: Any) -> Any:  # noqa: ANN401 - of either driver
    """The database that the URL names; reads see only what a majority has, writes wait for it."""
    return client.get_default_database(default=DEFAULT_DATABASE).with_options(
        codec_options=CodecOptions(tz_aware=True, tzinfo=UTC),
        read_concern=MAJORITY,
        write_concern=DURABLE,
    )


def bucket(of: Any, name: str) -> Any:  # noqa: ANN401 - of either driver
    """GridFS of a database; its writes wait for a majority as the database's do."""
    if isinstance(of, AsyncDatabase):
        return AsyncGridFSBucket(of, name)
    from motor.motor_asyncio import AsyncIOMotorGridFSBucket  # not needed by the other one

    return AsyncIOMotorGridFSBucket(of, name)


async def closed(*clients: Any) -> None:  # noqa: ANN401 - of either driver
    """Let go of every connection."""
    for client in clients:
        await settled(client.close())


Work = Callable[[Any], Awaitable[Any]]
"""What is done in one transaction, given its session."""
