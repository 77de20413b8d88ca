"""What is MongoDB's alone: transactions that fail, several processes, errors."""

import asyncio
import socket
from datetime import UTC, datetime

import pymongo
import pytest

from service.domain import Listen, Track, UserSettings
from service.errors import StoreUnavailable
from service.store import mongo_queries as queries
from service.store.mongo import MongoStore, open_mongo
from service.store.mongo_driver import LONG, READ
from service.store.protocol import Appended
from tests.stores import CLIENTS, opened_mongo

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listen(number: int, *, user: str = "u1") -> Listen:
    return Listen(id=f"l{number}", user_id=user, track_id="t", at=AT)


@pytest.mark.parametrize("command", ["insert", "update", "commitTransaction"])
async def test_a_transaction_that_fails_stores_nothing_and_its_retry_all(
    store, failing, command
) -> None:
    """Wherever it stops: a listen is never there while the rev that goes with it is not."""
    before = (await store.append([listen(1)])).revs["u1"]
    failing(command, 1, errorCode=11601)

    with pytest.raises(StoreUnavailable):
        await store.append([listen(2), listen(3)])
    user, history = await store.user("u1"), await store.recent("u1", 9)
    again = await store.append([listen(2), listen(3)])

    assert (before, ["l1"]) == (user.rev, [one.id for one in history])
    assert ([True, True], {"u1": before + 1}) == (again.stored, again.revs)


async def test_without_a_transaction_a_failure_leaves_half(store, failing) -> None:
    """The control: the same two writes outside of one leave a listen that no rev knows of."""
    before = (await store.append([listen(1)])).revs["u1"]
    failing("update", 1, errorCode=11601)

    await store._long["listens"].insert_one({"_id": "u1 x", **_fields(listen(2))})
    with pytest.raises(pymongo.errors.PyMongoError):
        await store._long["users"].update_one(queries.named("u1"), queries.raised(AT))

    assert before == (await store.user("u1")).rev
    assert 2 == len(await store.recent("u1", 9))


async def test_a_conflict_is_tried_again(store, failing) -> None:
    failing("update", 2, errorCode=112, errorLabels=["TransientTransactionError"])

    appended = await store.append([listen(1)])

    assert [True] == appended.stored
    assert 1 == len(await store.recent("u1", 9))


async def test_one_bad_append_does_not_spoil_its_neighbours(store) -> None:
    """A text that is none (half of a surrogate pair) cannot be encoded; the others can."""
    bad = Listen(id="bad", user_id="u2", track_id="t", at=AT, source="\ud800")

    appends = ([listen(1)], [bad], [listen(2)])
    done = await asyncio.gather(*map(store.append, appends), return_exceptions=True)

    assert isinstance(done[1], UnicodeEncodeError)
    assert [[True], [True]] == [one.stored for one in done if isinstance(one, Appended)]
    assert await store.user("u2") is None


async def test_a_caller_who_goes_away_tears_nothing(store) -> None:
    going = asyncio.create_task(store.append([listen(1)]))
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)

    again = await store.append([listen(1)])

    assert [False] == again.stored
    assert 1 == (await store.user("u1")).rev


async def test_two_processes_never_give_one_user_the_same_rev(url, driver) -> None:
    one, two = [await open_mongo(url, CLIENTS[driver]) for _ in range(2)]

    async def writes(store: MongoStore, first: int) -> list[int]:
        return [(await store.append([listen(n)])).revs["u1"] for n in range(first, first + 10)]

    given = await asyncio.gather(writes(one, 0), writes(two, 100))

    assert list(range(1, 21)) == sorted(rev for revs in given for rev in revs)
    await one.close()
    await two.close()


async def test_two_processes_never_give_two_tracks_one_row(url, driver) -> None:
    one, two = [await open_mongo(url, CLIENTS[driver]) for _ in range(2)]
    named = [[Track(id=f"{n}{k}", title="T", artist="A") for k in range(20)] for n in "ab"]

    await asyncio.gather(one.put_tracks(named[0]), two.put_tracks(named[1]))

    assert 40 == len(await one.tracks()) == len({track.id for track in await two.tracks()})
    assert 30 == len(await one.tracks(offset=10))
    await one.close()
    await two.close()


async def test_a_write_is_noticed_by_every_other_process_and_not_by_its_own(url, driver) -> None:
    one, two = [await open_mongo(url, CLIENTS[driver]) for _ in range(2)]
    assert [False, False] == [await store.changed_elsewhere() for store in (one, two)]

    await one.append([listen(1)])
    assert [False, True] == [await store.changed_elsewhere() for store in (one, two)]
    assert not await two.changed_elsewhere()

    await one.append([listen(1)])  # a duplicate changes nothing
    assert not await two.changed_elsewhere()

    async with asyncio.timeout(30):
        short = await open_mongo(url, CLIENTS[driver])
        await short.put_user("u9", UserSettings(timezone="Asia/Tokyo"))
        await short.close()
    assert [True, True] == [await store.changed_elsewhere() for store in (one, two)]
    await one.close()
    await two.close()


async def test_writes_wait_for_a_majority_and_its_journal_and_reads_see_no_less(store) -> None:
    for database in (store._reads, store._long):
        assert {"w": "majority", "j": True} == database.write_concern.document
        assert {"level": "majority"} == database.read_concern.document


async def test_a_majority_that_does_not_confirm_is_no_promise(store, failing) -> None:
    assert ["one member" in one for one in await store.weaknesses()] == [True]
    failing("update", 1, writeConcernError={"code": 64, "errmsg": "waiting timed out"})

    with pytest.raises(StoreUnavailable, match="write to a majority"):
        await store.weaknesses()


async def test_listens_that_no_majority_has_are_not_taken(store, failing) -> None:
    failing("commitTransaction", 1, writeConcernError={"code": 64, "errmsg": "waiting timed out"})

    with pytest.raises(StoreUnavailable):
        await store.append([listen(1)])

    assert (await store.append([listen(1)])).stored in ([True], [False])
    assert ["l1"] == [one.id for one in await store.recent("u1", 9)]


async def test_history_asks_only_for_what_a_listen_has(store) -> None:
    query = queries.newest_listens("u1", 5, None, ("id", "at"))
    await store.append([listen(1)])

    (found,) = await store._find(query)

    assert {"id": "l1", "at": AT} == found


@pytest.mark.parametrize("command", ["find", "aggregate"])
async def test_an_error_of_the_server_is_store_unavailable(store, failing, command) -> None:
    failing(command, 1, errorCode=91)

    with pytest.raises(StoreUnavailable, match="could not read"):
        await (store.recent("u1", 5) if command == "find" else store.hourly_plays(AT))


async def test_a_server_that_does_not_answer_is_told_without_its_address(driver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StoreUnavailable) as caught:
            await open_mongo(f"mongodb://me:secret@127.0.0.1:{port}/x", CLIENTS[driver])

    assert "the store could not be opened: ServerSelectionTimeoutError" == str(caught.value)


@pytest.mark.parametrize("url", ["mongodb://", "mongodb://h:port/x", "http://h/x"])
async def test_a_url_that_is_none_is_told_without_repeating_it(driver, url) -> None:
    with pytest.raises(StoreUnavailable, match="ECHOTUNE_MONGO_URL cannot be used"):
        await open_mongo(url, CLIENTS[driver])


async def test_a_url_without_a_database_means_echotune(mongo_url, driver) -> None:
    store = MongoStore(*(CLIENTS[driver](mongo_url) for _ in range(2)))

    assert "echotune" == store._reads.name
    await store.close()


def test_no_wait_of_a_request_is_long() -> None:
    assert 2_000 == READ["socketTimeoutMS"]
    assert 1_000 == READ["serverSelectionTimeoutMS"] == LONG["serverSelectionTimeoutMS"]
    assert READ["retryReads"] is False


async def test_opened_twice_the_same_listens_are_there(mongo_url, driver) -> None:
    async with opened_mongo(mongo_url, driver) as store:
        await store.append([listen(1)])
        assert {"listens": 1, "tracks": 0, "users": 1} == await store.counts()


def _fields(one: Listen) -> dict:
    return {name: getattr(one, name) for name in ("id", "user_id", "track_id", "at")}
