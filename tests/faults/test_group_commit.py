"""The writing thread when SQLite says no: refused, never left hanging, well again afterwards."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from service.errors import StoreUnavailable
from service.store.group_commit import GroupCommit

PATIENCE_S = 10


class Failing(sqlite3.Connection):
    """A connection that refuses statements starting with one of `refused`."""

    refused: tuple[str, ...] = ()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.refused and sql.startswith(self.refused):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, parameters)


class Disk:
    """Opens connections to one file, or fails to; what it refuses, the open ones refuse too."""

    def __init__(self, path: Path) -> None:
        self.path, self.gone = path, False
        self.refused: tuple[str, ...] = ()
        self.opened: list[Failing] = []
        self.connect().execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    def connect(self) -> sqlite3.Connection:
        if self.gone:
            raise sqlite3.OperationalError("unable to open database file")
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, factory=Failing
        )
        connection.refused = self.refused  # whoever could not roll back takes a new one
        self.opened.append(connection)
        return connection

    def refuse(self, *statements: str) -> None:
        self.refused = statements
        for connection in self.opened:
            connection.refused = statements

    def rows(self) -> list[int]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return [row for (row,) in connection.execute("SELECT id FROM t ORDER BY id")]


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    disk = Disk(tmp_path / "t.db")
    yield disk
    for connection in disk.opened:
        connection.close()


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


async def outcomes(writer: GroupCommit, numbers: range) -> list[Any]:
    """What became of inserts that were asked for at once."""
    with anyio.fail_after(PATIENCE_S):
        return await asyncio.gather(
            *(writer.run(insert(number)) for number in numbers), return_exceptions=True
        )


@pytest.mark.parametrize(
    "refused",
    [("COMMIT",), ("BEGIN",), ("SAVEPOINT",), ("RELEASE",), ("COMMIT", "ROLLBACK"), ("INSERT",)],
)
async def test_a_disk_that_says_no(disk: Disk, refused: tuple[str, ...]) -> None:
    """Everybody waiting is refused, nothing is stored, and it works again when the disk does."""
    writer = GroupCommit(disk.connect)
    assert [1] == await outcomes(writer, range(1, 2))

    disk.refuse(*refused)
    refusals = await outcomes(writer, range(2, 20))
    disk.refuse()
    healed = await outcomes(writer, range(20, 30))
    writer.close()

    assert {StoreUnavailable} == {type(one) for one in refusals}
    assert "disk I/O error" in str(refusals[0])
    assert list(range(20, 30)) == healed
    assert [1, *range(20, 30)] == disk.rows()


async def test_a_disk_that_was_gone_comes_back(disk: Disk) -> None:
    disk.gone = True
    writer = GroupCommit(disk.connect)
    refusals = await outcomes(writer, range(1, 5))
    disk.gone = False
    healed = await outcomes(writer, range(5, 9))
    writer.close()

    assert {StoreUnavailable} == {type(one) for one in refusals}
    assert [5, 6, 7, 8] == healed == disk.rows()


async def test_one_that_fails_does_not_spoil_its_neighbours(disk: Disk) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (99)")
        raise ValueError("changed my mind")

    writer = GroupCommit(disk.connect)
    with anyio.fail_after(PATIENCE_S):
        first, failed, last = await asyncio.gather(
            writer.run(insert(1)),
            writer.run(half_done),
            writer.run(insert(2)),
            return_exceptions=True,
        )
    writer.close()

    assert (1, 2) == (first, last)
    assert isinstance(failed, ValueError)
    assert [1, 2] == disk.rows()


async def test_one_that_fails_alone_leaves_nothing(disk: Disk) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (99)")
        raise ValueError("changed my mind")

    writer = GroupCommit(disk.connect)
    with anyio.fail_after(PATIENCE_S):
        with pytest.raises(ValueError, match="changed my mind"):
            await writer.run(half_done)
        assert 1 == await writer.run(insert(1))
    writer.close()

    assert [1] == disk.rows()


async def test_a_caller_that_goes_away_does_not_tear_the_write(disk: Disk) -> None:
    writer = GroupCommit(disk.connect)
    with anyio.move_on_after(0):
        await writer.run(insert(1))
    assert [2] == await outcomes(writer, range(2, 3))
    writer.close()

    assert disk.rows() in ([1, 2], [2])


async def test_closing_finishes_what_waits_and_refuses_the_rest(disk: Disk) -> None:
    """Nobody is left waiting for a thread that has gone home."""
    writer = GroupCommit(disk.connect)
    asked = [asyncio.ensure_future(writer.run(insert(number))) for number in range(50)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(asyncio.to_thread(writer.close))
    late = [asyncio.ensure_future(writer.run(insert(number))) for number in range(50, 100)]
    with anyio.fail_after(PATIENCE_S):
        answers = await asyncio.gather(*asked, *late, return_exceptions=True)
        await closing
    with pytest.raises(StoreUnavailable):
        await writer.run(insert(100))
    writer.close()

    kept = [answer for answer in answers if isinstance(answer, int)]
    assert list(range(50)) == kept[:50]
    assert kept == disk.rows()
