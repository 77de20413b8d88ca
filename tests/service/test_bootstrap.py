"""Which store the settings name, who does what kind of job, and how often."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters import open_store, open_stream
from service.bootstrap import open_house
from service.bus import START, UserUpdated
from service.bus.memory import MemoryStream
from service.bus.redis_streams import RedisStream
from service.cli.serving import has_store
from service.domain import Listen, Track, UserSettings
from service.errors import Invalid, StoreUnavailable
from service.learn.duties import handlers, schedule
from service.learn.erasure import Erasure
from service.learn.retention import Retention
from service.recommend.ask import Ask
from service.settings import Settings
from service.store.mongo import MongoStore
from service.store.sqlite import SqliteStore
from tests.stores import drop, own_database


async def test_without_a_url_the_store_is_a_file(tmp_path) -> None:
    store = await open_store(Settings(data_dir=str(tmp_path)))

    assert isinstance(store, SqliteStore)
    await store.close()
    assert (tmp_path / "echotune.db").exists()


async def test_with_a_url_a_whole_house_stands_on_mongo(tmp_path, mongo_url) -> None:
    url = own_database(mongo_url)
    settings = Settings(data_dir=str(tmp_path), mongo_url=url)
    async with open_house(settings) as house:
        await house.shelf.put([Track(id=f"t{n}", title=f"S{n}", artist="A") for n in range(9)])
        receipt = await house.ingest.take([Listen(id="1", user_id="me", track_id="t3")])
        answer, _ = await house.recommender.for_user("me", Ask(limit=3))
        assert isinstance(house.store, MongoStore)

    assert 1 == receipt.accepted
    assert b'"user_id":"me"' in answer.body
    assert not (tmp_path / "echotune.db").exists()
    drop(url)


def test_an_empty_mongo_counts_as_no_store_yet(tmp_path, mongo_url) -> None:
    assert not has_store(Settings(data_dir=str(tmp_path), mongo_url=own_database(mongo_url)))


async def test_a_mongo_that_is_none_stops_the_start(tmp_path) -> None:
    with pytest.raises(StoreUnavailable, match="ECHOTUNE_MONGO_URL"):
        await open_store(Settings(data_dir=str(tmp_path), mongo_url="mongodb://h:x/"))


async def _nothing() -> None:
    return None


async def test_everything_scheduled_has_somebody_who_does_it(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=str(tmp_path))) as house:
        erasure = Erasure(house.store, house.accounts, tmp_path)
        retention = Retention(house.store, house.bus, 0)
        known = handlers(house.trainer, erasure, retention, house.precompute, _nothing)

    assert {"train", "precompute", "profiles", "similarity", "experiments", "retention"} == {
        one.kind for one in schedule(Settings().train_every_hours)
    }
    assert known.keys() >= {one.kind for one in schedule(Settings().train_every_hours)}


@pytest.mark.parametrize(
    "hours, expected", [(24, [timedelta(days=1)]), (1, [timedelta(hours=1)]), (0, [])]
)
def test_a_fit_comes_as_often_as_the_operator_says_or_never(hours, expected) -> None:
    assert expected == [one.every for one in schedule(hours) if one.kind == "train"]


async def test_events_travel_through_redis_when_the_settings_name_one(valkey_url) -> None:
    for settings, kind in (
        (Settings(), MemoryStream),
        (Settings(events_redis_url=valkey_url), RedisStream),
    ):
        stream = open_stream(settings)
        assert isinstance(stream, kind)
        await stream.close()


def test_an_address_of_events_that_is_none_stops_the_start() -> None:
    with pytest.raises(Invalid, match="ECHOTUNE_EVENTS_REDIS_URL"):
        open_stream(Settings(events_redis_url="http://127.0.0.1"))


async def test_what_a_house_stores_is_on_its_stream(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=str(tmp_path))) as house:
        await house.accounts.change("me", UserSettings(timezone="Asia/Tokyo"))
        told = [entry.fact for entry in await house.stream.read(START, limit=10)]

    assert [UserUpdated("me", 1, "settings")] == told
