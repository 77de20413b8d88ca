"""Every adapter of the store, opened on something empty and real."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, MongoClient

from service.store import Store
from service.store.memory import MemoryStore
from service.store.mongo import MongoStore, open_mongo
from service.store.sqlite import SqliteStore

CLIENTS = {"motor": AsyncIOMotorClient, "pymongo": AsyncMongoClient}
ADAPTERS = ("memory", "sqlite", *CLIENTS)


@asynccontextmanager
async def opened(name: str, request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Store]:
    """The adapter of this name; a MongoDB server is only started for those that need one."""
    if name in CLIENTS:
        async with opened_mongo(request.getfixturevalue("mongo_url"), name) as mongo:
            yield mongo
        return
    store = MemoryStore() if name == "memory" else SqliteStore(folder / "store.db")
    yield store
    await store.close()


@asynccontextmanager
async def opened_mongo(url: str, name: str = "motor") -> AsyncIterator[MongoStore]:
    """A store in a database of its own, dropped afterwards."""
    own = own_database(url)
    store = await open_mongo(own, CLIENTS[name])
    try:
        yield store
    finally:
        await store.close()
        drop(own)


def own_database(url: str) -> str:
    """The URL of a database that nobody else uses."""
    server, _, options = url.partition("?")
    base = "/".join(server.split("/")[:3])
    return f"{base}/echotune_test_{secrets.token_hex(6)}" + (f"?{options}" if options else "")


def drop(url: str) -> None:
    """Drop the database that `url` names."""
    client: MongoClient[dict[str, object]]
    with MongoClient(url) as client:
        client.drop_database(client.get_default_database().name)
