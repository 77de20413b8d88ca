"""A running process with a data folder of its own follows what others publish through MongoDB."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import anyio
import msgspec
import pymongo
import pytest

from service.bootstrap import open_house
from service.house import House
from service.learn import refresh
from service.settings import Settings
from tests import worlds
from tests.stores import drop, own_database


@pytest.fixture
def url(mongo_url: str) -> Iterator[str]:
    own = own_database(mongo_url)
    yield own
    drop(own)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(30):
        while not await holds():  # noqa: ASYNC110 - what another process did is seen by looking
            await asyncio.sleep(0.02)


async def fill(house: House) -> None:
    await house.shelf.put(worlds.tracks())
    listens = worlds.listens()
    await house.ingest.take(
        [msgspec.structs.replace(one, id=str(number)) for number, one in enumerate(listens)]
    )


def damage(url: str, change: int) -> None:
    """Add to the last byte of a file in GridFS; the same taken away repairs it."""
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(url) as client:
        chunks: pymongo.collection.Collection = client.get_default_database()["models.chunks"]
        for chunk in chunks.find({"files_id": {"$regex": "values.npy$"}}):
            body = bytearray(chunk["data"])
            body[-1] = (body[-1] + change) % 256
            chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": bytes(body)}})


async def test_a_fit_reaches_a_running_process_even_if_it_was_damaged_at_first(
    url, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(refresh, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(refresh, "UNTOLD_EVERY", 4)
    here, there = (Settings(data_dir=str(tmp_path / name), mongo_url=url) for name in "ab")
    async with open_house(here) as one, open_house(there, watch=True) as two:
        await fill(one)

        async def knows_all() -> bool:
            return two.current.catalogue.size == len(worlds.tracks())

        async def follows() -> bool:
            return one.trainer.serving == two.trainer.serving

        await until(knows_all)
        await one.trainer.fit(lambda _: None)
        await until(follows)
        first = two.trainer.serving
        models = one.store.models
        assert models is not None
        activate = models.activate

        async def damaged(version: str) -> None:
            damage(url, 1)
            await activate(version)

        monkeypatch.setattr(models, "activate", damaged)
        await one.trainer.fit(lambda _: None)
        await asyncio.sleep(1)
        assert first == two.trainer.serving != one.trainer.serving

        damage(url, -1)
        await until(follows)
        assert two.trainer.serving is not None
