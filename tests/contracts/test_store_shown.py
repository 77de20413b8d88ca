"""What a store promises about the lists that users were shown; every adapter runs this."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from service.domain import Listen, ShownList, UserSettings
from service.errors import StoreUnavailable
from service.store import Store, mongo_shown, sqlite_shown
from service.store import mongo_indexes as indexes
from service.store.memory import MemoryStore
from service.store.mongo import MongoStore, open_mongo
from service.store.sqlite import SqliteStore
from service.store.sqlite_writes import next_numbers
from tests.stores import CLIENTS, drop, own_database

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=365)


def shown(number: int, *, user: str = "u1", minutes: int | None = None, **more) -> ShownList:
    at = NOON + timedelta(minutes=number if minutes is None else minutes)
    return ShownList(user, f"s{number}", [f"t{number}", "t0"], [1.0, 0.5], at=at, **more)


def listen(number: int) -> Listen:
    return Listen(id=f"l{number}", user_id="u1", track_id="t1", at=NOON)


async def everything(store: Store, since: datetime = LONG_AGO, **more) -> list[ShownList]:
    return [one async for some in store.shown(since, **more) for one in some]


async def ids(store: Store, since: datetime = LONG_AGO, **more) -> list[str]:
    return [one.list_id for one in await everything(store, since, **more)]


async def test_a_list_comes_back_whole(store: Store) -> None:
    whole = ShownList(
        user_id="u.1@x~-_",
        list_id="3k-9 .$Zz",
        track_ids=["b", "a", "c"],
        propensities=[1.0, 0.1, 1 / 3],
        variants={"balance.half-1": "new", "Mix": "con.trol"},
        at=NOON + timedelta(milliseconds=123),
        took_ms=4.0625,
    )
    bare = ShownList("u2", "x", [], [])

    assert 2 == await store.put_shown([whole, bare])

    found = await everything(store, datetime(1970, 1, 1, tzinfo=UTC))
    assert [whole, bare] == found
    assert {float} == {type(one) for one in [*found[0].propensities, found[0].took_ms]}


async def test_times_are_kept_to_the_millisecond_and_come_back_in_utc(store: Store) -> None:
    there = timezone(timedelta(hours=2))
    at = (NOON + timedelta(microseconds=123_999)).astimezone(there)
    await store.put_shown([ShownList("u1", "s1", [], [], at=at)])

    (found,) = await everything(store)

    assert NOON + timedelta(milliseconds=123) == found.at
    assert timedelta(0) == found.at.utcoffset()
    assert ["s1"] == await ids(store, at)
    assert [] == await ids(store, until=at)


async def test_the_same_list_again_is_ignored_and_not_counted(store: Store) -> None:
    first = shown(1)
    again = ShownList("u1", "s1", ["other"], [0.1], at=NOON + timedelta(days=1))

    assert 2 == await store.put_shown([first, again, shown(2)])
    assert 0 == await store.put_shown([again])
    assert 2 == await store.put_shown([again, shown(3), shown(1, user="u2")])
    assert [first, shown(2), shown(3), shown(1, user="u2")] == await everything(store)
    assert 0 == await store.put_shown([])


async def test_they_come_user_by_user_in_the_order_they_were_sent_in_batches(store: Store) -> None:
    late = shown(0, minutes=9)
    same = [shown(n, minutes=4) for n in (7, 5, 6)]
    await store.put_shown([late, *same, shown(2), *(shown(n, user="U2") for n in (3, 1))])

    batches = [[one.list_id for one in some] async for some in store.shown(LONG_AGO, batch=3)]

    assert [["s1", "s3", "s2"], ["s5", "s6", "s7"], ["s0"]] == batches
    assert 3 == len([some async for some in store.shown(LONG_AGO, batch=3)])
    assert 7 == len(await everything(store))


async def test_users_come_in_the_order_that_listens_give_them(store: Store) -> None:
    names = ["b", "B", "a.1", "~probe", "a1", "é"]
    await store.put_shown([shown(n, user=name) for n, name in enumerate(names)])
    await store.append([Listen(id="l", user_id=name, track_id="t", at=NOON) for name in names])

    of_lists = [one.user_id for one in await everything(store, batch=2)]

    assert of_lists == [one.user_id async for some in store.listens() for one in some]


async def test_since_is_included_and_until_is_not(store: Store) -> None:
    await store.put_shown([shown(n, user=f"u{n % 2}") for n in range(6)])
    two, four = shown(2).at, shown(4).at
    moment = timedelta(milliseconds=1)

    assert ["s2", "s4", "s3", "s5"] == await ids(store, two)
    assert ["s2", "s3"] == await ids(store, two, until=four)
    assert ["s2", "s4", "s3"] == await ids(store, two, until=four + moment, batch=1)
    assert ["s4", "s3"] == await ids(store, two + moment, until=four + moment)
    assert [] == await ids(store, four, until=four)
    assert [] == await ids(store, NOON + timedelta(days=1))


async def test_what_was_sent_before_is_forgotten(store: Store) -> None:
    await store.put_shown([shown(n, user=f"u{n % 2}") for n in range(6)])

    assert 4 == await store.forget_shown(shown(4).at)
    assert ["s4", "s5"] == await ids(store)
    assert 0 == await store.forget_shown(shown(4).at)
    assert 1 == await store.put_shown([shown(1)])


async def test_more_than_a_transaction_takes_is_kept_and_forgotten(store: Store) -> None:
    many = [shown(n, user=f"u{n % 3}") for n in range(2 * sqlite_shown.AT_ONCE + 1)]

    assert len(many) == await store.put_shown(many)
    assert sorted(one.list_id for one in many) == sorted(await ids(store))
    assert 2 * sqlite_shown.AT_ONCE == await store.forget_shown(many[-1].at)
    assert [many[-1]] == await everything(store)


async def test_what_comes_while_somebody_reads_harms_neither(store: Store) -> None:
    await store.put_shown([shown(n, user=f"u{n}") for n in range(6)])
    read: list[str] = []
    async for some in store.shown(LONG_AGO, batch=2):
        read += [one.list_id for one in some]
        await store.put_shown([shown(len(read), user="a")])
        await store.append([listen(len(read))])

    assert [f"s{n}" for n in range(6)] == read
    assert 9 == len(await everything(store))


async def test_lists_are_erased_with_their_user(store: Store) -> None:
    await store.append([listen(1)])
    await store.put_shown([shown(1), shown(2), shown(1, user="u2"), shown(1, user="u12")])

    assert 1 == await store.delete_user("u1")
    assert ["u12", "u2"] == [one.user_id for one in await everything(store)]
    assert 0 == await store.delete_user("u2")  # who was shown something and never did anything
    assert ["u12"] == [one.user_id for one in await everything(store)]


async def test_nothing_else_changes(store: Store) -> None:
    await store.append([listen(1)])
    before = await store.user("u1"), await store.last_number(), await store.counts()
    await store.changed_elsewhere()

    await store.put_shown([shown(1), shown(1, user="u2")])
    await store.forget_shown(NOON + timedelta(days=1))

    assert before == (await store.user("u1"), await store.last_number(), await store.counts())
    assert await store.user("u2") is None
    assert not await store.changed_elsewhere()


async def test_an_index_has_them_in_order(store: Store) -> None:
    if isinstance(store, SqliteStore):
        for sql in (sqlite_shown.SINCE, sqlite_shown.FORGET):
            plan = await store._read(f"EXPLAIN QUERY PLAN {sql.replace('?', '1')}", ())
            assert [] == [step for step in plan if "SCAN" in step[3] or "B-TREE" in step[3]]
            assert any("COVERING INDEX shown_" in step[3] for step in plan)
    elif isinstance(store, MongoStore):
        for until in (None, NOON):
            stages = await indexes.stages(store._long, mongo_shown.lists_since(NOON, until))
            assert "IXSCAN shown_in_order" in stages
    else:
        assert isinstance(store, MemoryStore)
    assert [] == await store.unindexed()


async def test_a_closed_store_says_so(store: Store) -> None:
    if isinstance(store, MemoryStore):
        pytest.skip("memory has nothing to close")
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.put_shown([shown(1)])
    with pytest.raises(StoreUnavailable, match="closed"):
        await everything(store)
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.forget_shown(NOON)


@asynccontextmanager
async def two_of(
    name: str, request: pytest.FixtureRequest, folder: Path
) -> AsyncIterator[tuple[Store, Store]]:
    """As two processes have them, each asked once."""
    one: Store
    two: Store
    url = None
    if name == "sqlite":
        one, two = (SqliteStore(folder / "store.db") for _ in range(2))
    else:
        url = own_database(request.getfixturevalue("mongo_url"))
        one, two = [await open_mongo(url, CLIENTS[name]) for _ in range(2)]
    await one.changed_elsewhere()
    await two.changed_elsewhere()
    try:
        yield one, two
    finally:
        await one.close()
        await two.close()
        if url:
            drop(url)


@pytest.fixture(params=["sqlite", *CLIENTS])
async def processes(request, tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    async with two_of(request.param, request, tmp_path) as both:
        yield both


async def test_a_process_that_tells_what_it_showed_makes_no_other_read_again(processes) -> None:
    """Also while the others write themselves: their own writes are no news to them either."""
    mine, theirs = processes
    for second in range(3):
        await theirs.put_shown([shown(second)])
        await mine.put_shown([shown(second, user="u2")])
        await mine.append([listen(second)])
        await mine.put_user("u3", UserSettings(timezone="Asia/Tokyo"))
        assert not await mine.changed_elsewhere()
    await theirs.forget_shown(shown(2).at)

    assert not await mine.changed_elsewhere()
    assert ["s2", "s2"] == await ids(mine)
    assert await theirs.changed_elsewhere()  # of the listens


async def test_a_change_among_lists_is_noticed_once_by_whoever_did_not_make_it(processes) -> None:
    mine, theirs = processes
    await theirs.put_shown([shown(1)])
    await theirs.append([listen(1)])
    await theirs.put_shown([shown(2)])
    await mine.append([listen(2)])

    assert [True, False] == [await mine.changed_elsewhere() for _ in range(2)]
    assert [True, False] == [await theirs.changed_elsewhere() for _ in range(2)]

    await theirs.delete_user("u1")
    assert [True, False] == [await mine.changed_elsewhere() for _ in range(2)]


async def test_a_write_that_fails_hides_no_change_of_another_process(tmp_path: Path) -> None:
    """SQLite's processes share one row of numbers: what was rolled back must not be taken off."""

    def half_done(connection: sqlite3.Connection) -> None:
        next_numbers(connection, 1)
        raise ValueError("changed my mind")

    path = tmp_path / "store.db"
    mine, theirs = SqliteStore(path), SqliteStore(path)
    await mine.append([listen(1)])
    await mine.changed_elsewhere()

    with pytest.raises(ValueError, match="changed my mind"):
        await mine._writer.run(half_done)
    unchanged = await mine.changed_elsewhere()
    await theirs.append([listen(2)])

    assert (False, True) == (unchanged, await mine.changed_elsewhere())
    await mine.close()
    await theirs.close()


async def test_a_file_of_an_older_release_learns_lists(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore(path).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE shown")
    old.close()

    store = SqliteStore(path)

    assert 1 == await store.put_shown([shown(1)])
    assert [] == await store.unindexed()
    await store.close()
