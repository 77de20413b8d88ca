"""One database, two data folders: what is fitted in one is served by the other, or refused."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pymongo
import pytest
import structlog

from service.bus import Bus
from service.errors import StoreUnavailable, UnknownModel
from service.learn import versions
from service.learn.trainer import Trainer
from service.model import files
from service.model.current import Current
from service.store.memory import MemoryStore
from service.store.mongo import MongoStore, open_mongo
from tests import worlds
from tests.service.given import NOON, model
from tests.stores import CLIENTS, drop, own_database


class Pod:
    """A process with a data folder of its own."""

    def __init__(self, folder: Path, store: MongoStore | MemoryStore) -> None:
        self.folder, self.store, self.current = folder, store, Current(lambda: NOON)
        self.current.add_tracks(worlds.tracks())
        self.trainer = Trainer(store, Bus(), self.current, folder, lambda: NOON)

    async def publish(self, *names: str) -> None:
        """Versions as a fit leaves and activates them."""
        ids = [brief.id for brief in self.current.catalogue.briefs]
        fitted = model(self.current.catalogue)
        for name in names:
            files.save(msgspec.structs.replace(fitted, version=name), ids, self.folder)
            await self.trainer.activate(name)

    def contents(self, version: str) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in (self.folder / version).iterdir()}


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
def database(url: str) -> Iterator[pymongo.database.Database]:
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(url) as client:
        yield client.get_default_database()


@pytest.fixture
async def pods(url: str, driver: str, tmp_path: Path) -> AsyncIterator[tuple[Pod, Pod]]:
    stores = [await open_mongo(url, CLIENTS[driver]) for _ in range(2)]
    one, two = (Pod(tmp_path / name, store) for name, store in zip("ab", stores, strict=True))
    yield one, two
    for store in stores:
        await store.close()


async def test_what_is_fitted_in_one_folder_is_served_out_of_another(pods) -> None:
    one, two = pods
    listens = [
        msgspec.structs.replace(listen, id=str(n)) for n, listen in enumerate(worlds.listens())
    ]
    await one.store.append(listens)
    await one.trainer.fit(lambda _: None)

    await two.trainer.resume()

    assert one.trainer.serving == two.trainer.serving is not None
    assert one.contents(one.trainer.serving) == two.contents(one.trainer.serving)
    assert files.current(two.folder) is None  # the store says which one
    assert [] == list(two.folder.glob(".*.fetch"))


async def test_without_the_store_another_folder_has_nothing(tmp_path) -> None:
    """The control: it is GridFS that brings the version, not the folder."""
    one, two = Pod(tmp_path / "a", MemoryStore()), Pod(tmp_path / "b", MemoryStore())
    await one.publish("v1")

    await two.trainer.resume()

    assert ("v1", None) == (one.trainer.serving, two.trainer.serving)


async def test_every_file_is_stored_with_its_sha256(pods, database) -> None:
    one, _ = pods
    await one.publish("v1")

    (published,) = database["published"].find()
    stored = database["models.files"].find()
    told = {file["filename"]: file["metadata"]["sha256"] for file in stored}

    hashed = {
        f"v1/{name}": hashlib.sha256(body).hexdigest() for name, body in one.contents("v1").items()
    }
    assert hashed == told
    assert hashed == {f"v1/{about['name']}": about["sha256"] for about in published["files"]}


def flip(database, version: str) -> None:
    """One byte of one chunk, as a bad disk does."""
    chunk = database["models.chunks"].find_one({"files_id": f"{version}/values.npy"})
    body = bytearray(chunk["data"])
    body[-1] ^= 1
    where = {"_id": chunk["_id"]}
    database["models.chunks"].update_one(where, {"$set": {"data": bytes(body)}})


def lose(database, version: str) -> None:
    database["models.chunks"].delete_one({"files_id": f"{version}/values.npy"})


def rename(database, version: str) -> None:
    """Nobody who can write to the database writes outside of our folder."""
    change = {"$set": {"files.0.name": "../../x.npy"}}
    database["published"].update_one({"_id": version}, change)


@pytest.mark.parametrize(
    "harm, said", [(flip, "SHA-256"), (lose, "not whole"), (rename, "strange name")]
)
async def test_a_damaged_version_is_refused_and_the_last_good_one_goes_on(
    pods, database, harm, said
) -> None:
    one, two = pods
    await one.publish("v1")
    await two.trainer.resume()
    await one.publish("v2")
    harm(database, "v2")

    with structlog.testing.capture_logs() as logs:
        await two.trainer.resume()

    assert "v1" == two.trainer.serving
    assert [said in one["reason"] for one in logs if one["event"] == "model left out"] == [True]
    assert [("v2", "v1")] == [(await two.trainer.published(), two.trainer.serving)]
    assert not files.holds(two.folder, "v2")
    assert [] == list(two.folder.glob(".*.fetch"))
    with pytest.raises(UnknownModel):
        await two.trainer.activate("v2")


async def test_without_the_check_the_damaged_one_would_be_adopted(pods, database) -> None:
    """The control: told the digest of what is there, the same download goes through."""
    one, two = pods
    await one.publish("v1")
    flip(database, "v1")
    (chunk,) = database["models.chunks"].find({"files_id": "v1/values.npy"})
    digest = hashlib.sha256(chunk["data"]).hexdigest()
    (published,) = database["published"].find()
    for about in published["files"]:
        if about["name"] == "values.npy":
            about["sha256"] = digest
    database["published"].replace_one({"_id": "v1"}, published)

    await versions.Versions(two.folder, two.store.models).bring("v1")

    assert files.holds(two.folder, "v1")
    assert one.contents("v1") != two.contents("v1")


async def test_half_an_upload_is_seen_by_nobody_and_its_retry_is_whole(pods, database) -> None:
    one, two = pods
    await one.publish("v1")
    ids = [brief.id for brief in one.current.catalogue.briefs]
    files.save(msgspec.structs.replace(model(one.current.catalogue), version="v2"), ids, one.folder)
    names = files.names(one.folder, "v2")
    with pytest.raises(FileNotFoundError):  # stands for a process that is killed on the way
        await one.store.models.put("v2", one.folder / "v2", [*names[:3], "gone.npy"])

    assert 3 == database["models.files"].count_documents({"filename": {"$regex": "^v2/"}})
    with pytest.raises(UnknownModel):
        await two.trainer.activate("v2")
    await one.trainer.activate("v2")
    await two.trainer.resume()
    assert "v2" == two.trainer.serving


async def test_old_versions_go_and_halves_of_older_ones_too(pods, database) -> None:
    one, _ = pods
    await one.publish("v0")
    await one.store.models.put("h", one.folder / "v0", ["values.npy"])
    database["published"].delete_one({"_id": "h"})
    named = [f"v{n}" for n in range(1, files.KEPT + 2)]

    await one.publish(*named)

    kept = named[-files.KEPT :]
    assert kept == sorted(one["_id"] for one in database["published"].find())
    of = {key.partition("/")[0] for key in database["models.chunks"].distinct("files_id")}
    assert set(kept) == of
    assert of == {one["filename"].partition("/")[0] for one in database["models.files"].find()}


async def test_a_version_brought_back_is_spared_and_served_by_all(pods) -> None:
    one, two = pods
    named = [f"v{n}" for n in range(files.KEPT)]
    await one.publish(*named)
    await one.trainer.activate("v0")
    await one.publish("w1")
    await one.trainer.activate("v1")
    await one.publish("w2")
    await one.trainer.activate("v2")

    await two.trainer.resume()

    assert "v2" == two.trainer.serving


async def test_processes_of_one_folder_download_once(pods, tmp_path, monkeypatch) -> None:
    one, two = pods
    await one.publish("v1")
    fetched: list[str] = []
    fetch = two.store.models.fetch

    async def counted(version: str, home: Path) -> None:
        fetched.append(version)
        await fetch(version, home)

    monkeypatch.setattr(two.store.models, "fetch", counted)
    workers = [Pod(two.folder, two.store) for _ in range(4)]

    await asyncio.gather(*(worker.trainer.resume() for worker in workers))

    assert ["v1"] * 4 == [worker.trainer.serving for worker in workers]
    assert ["v1"] == fetched


async def test_a_store_that_cannot_keep_it_leaves_what_was_active(pods, monkeypatch) -> None:
    one, two = pods
    await one.publish("v1")
    await one.store.close()

    with pytest.raises(StoreUnavailable):
        await one.publish("v2")

    assert "v1" == one.trainer.serving == files.current(one.folder)
    assert "v1" == await two.trainer.published()


async def test_old_versions_that_stay_are_no_failure(pods, monkeypatch) -> None:
    one, two = pods

    async def down(_: int) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(one.store.models, "drop_older", down)
    with structlog.testing.capture_logs() as logs:
        await one.publish("v1")

    assert "v1" == one.trainer.serving == await two.trainer.published()
    assert ["old models stay in the store"] == [entry["event"] for entry in logs]


async def test_what_a_killed_download_left_is_swept_and_in_nobodys_way(pods) -> None:
    one, two = pods
    await one.publish("v1")
    for left in (".v1.fetch", ".v0.fetch"):
        (two.folder / left).mkdir(parents=True)
        (two.folder / left / "values.npy").write_bytes(b"half")

    await two.trainer.resume()

    assert "v1" == two.trainer.serving
    assert [] == list(two.folder.glob(".*.fetch"))
