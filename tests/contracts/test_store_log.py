"""The log of listens that every store keeps: what online learning catches up from."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.domain import Listen
from service.store import Store
from service.store.sqlite import SqliteStore

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listen(number: int, *, user: str = "u1") -> Listen:
    at = NOON - timedelta(minutes=number)  # the newest is written first
    return Listen(id=f"l{number}", user_id=user, track_id="t1", at=at, source="web", rating=None)


async def told(store: Store, mark: str, **more) -> tuple[list[Listen], str]:
    """Everything since a mark, and the mark after it."""
    listens: list[Listen] = []
    async for some, behind in store.stored_since(mark, **more):
        listens += some
        mark = behind
    return listens, mark


async def test_what_is_stored_after_a_mark_is_told_whole(store: Store) -> None:
    await store.append([listen(1)])
    mark = await store.stored_mark()
    await asyncio.sleep(0.005)  # a store may count in milliseconds
    await store.append([listen(2), listen(3, user="u2")])
    await store.append([listen(4)])

    listens, behind = await told(store, mark)

    late = [one for one in listens if one.id != "l1"]  # that may be told again
    assert {2: listen(2), 3: listen(3, user="u2"), 4: listen(4)} == {
        int(one.id[1:]): one for one in late
    }
    assert behind == await store.stored_mark()
    assert ["l1"] == [one.id for one in (await told(store, "", until=mark))[0]]


async def test_everything_is_told_from_the_beginning_in_batches(store: Store) -> None:
    for number in range(5):
        await store.append([listen(number), listen(number, user="u2")])

    batches = [some async for some, _ in store.stored_since("", batch=3)]

    assert {(f"u{user}", f"l{n}") for n in range(5) for user in (1, 2)} == {
        (one.user_id, one.id) for some in batches for one in some
    }
    assert all(len(some) <= 3 for some in batches)


async def test_whoever_stops_at_any_batch_and_goes_on_from_its_mark_misses_nothing(
    store: Store,
) -> None:
    for number in range(4):
        await store.append([listen(10 * number + n) for n in range(3)])
    seen: set[str] = set()
    mark = ""
    for _ in range(20):
        async for some, behind in store.stored_since(mark, batch=4):
            seen |= {one.id for one in some}
            mark = behind
            break

    rest, _ = await told(store, mark)

    assert {f"l{10 * number + n}" for number in range(4) for n in range(3)} == seen | {
        one.id for one in rest
    }


async def test_a_listen_of_an_erased_user_is_told_no_more(store: Store) -> None:
    await store.append([listen(1), listen(2, user="u2")])
    await store.delete_user("u1")

    assert [("u2", "l2")] == [(one.user_id, one.id) for one in (await told(store, ""))[0]]


async def test_a_duplicate_is_in_the_log_once(store: Store) -> None:
    await store.append([listen(1), listen(1)])
    await store.append([listen(1), listen(2)])

    assert ["l1", "l2"] == sorted(one.id for one in (await told(store, ""))[0])


async def test_a_file_of_an_older_release_gets_a_log_from_here_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = SqliteStore(path)
    await old.append([listen(1)])
    await old.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP INDEX listens_by_written")
        connection.execute("ALTER TABLE listens DROP COLUMN written")
    connection.close()

    store, other = SqliteStore(path), SqliteStore(path)
    await store.append([listen(1), listen(2)])

    assert ["l2"] == [one.id for one in (await told(other, ""))[0]]
    assert ["l1", "l2"] == [one.id for one in await store.recent("u1", 5)]
    await store.close()
    await other.close()


async def test_two_processes_write_one_log(tmp_path: Path) -> None:
    one, other = SqliteStore(tmp_path / "store.db"), SqliteStore(tmp_path / "store.db")
    for number in range(6):
        await (one, other)[number % 2].append([listen(number)])

    assert [f"l{number}" for number in range(6)] == [x.id for x in (await told(one, ""))[0]]
    await one.close()
    await other.close()
