"""A MongoDB store on either driver, and a server that refuses when it is told to."""

from collections.abc import AsyncIterator, Iterator

import pymongo
import pytest

from service.store.mongo import MongoStore, open_mongo
from tests.stores import CLIENTS, drop, own_database


@pytest.fixture(params=CLIENTS)
def driver(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(mongo_url: str) -> Iterator[str]:
    own = own_database(mongo_url)
    yield own
    drop(own)


@pytest.fixture
async def store(url: str, driver: str) -> AsyncIterator[MongoStore]:
    opened = await open_mongo(url, CLIENTS[driver])
    yield opened
    await opened.close()


@pytest.fixture
def failing(mongo_url: str) -> Iterator:
    """Lets the server refuse a command so many times, whoever sends it."""
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(mongo_url) as client:

        def fail(command: str, times: int, **data) -> None:
            try:
                client.admin.command(
                    "configureFailPoint",
                    "failCommand",
                    mode={"times": times},
                    data={"failCommands": [command], **data},
                )
            except pymongo.errors.OperationFailure:
                pytest.skip("this server was not started for tests: no failure can be injected")

        yield fail
        client.admin.command("configureFailPoint", "failCommand", mode="off")
