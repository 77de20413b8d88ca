"""After an erasure SQLite's file is written anew: deleted rows leave copies in split pages."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain import Listen
from service.store import sqlite_forgetting as forgetting
from service.store.sqlite import SqliteStore
from tests.service.given import NOON

GONE = "gone-canary"


async def bytes_left(folder: Path) -> int:
    """How often the id of somebody erased is in the files, after inserts that split many pages."""
    store, draw = SqliteStore(folder / "x.db"), random.Random(3)
    for batch in range(60):
        await store.append(
            [
                Listen(
                    id=f"id{batch}-{number}",
                    user_id=draw.choice(["u1", GONE, "u2", "u3"]),
                    track_id=f"t{number}",
                    at=NOON + timedelta(seconds=draw.randrange(10**7)),
                )
                for number in range(500)
            ]
        )
    assert 7_000 < await store.delete_user(GONE)
    left = found(folder)
    await store.close()
    return left


def found(folder: Path) -> int:
    return sum(path.read_bytes().count(GONE.encode()) for path in folder.iterdir())


@pytest.mark.parametrize("most_bytes", [forgetting.MOST_BYTES, 0])
def test_no_copy_is_left_in_pages_that_were_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(forgetting, "MOST_BYTES", most_bytes)
    left = asyncio.run(bytes_left(tmp_path))

    assert (left == 0) == (most_bytes > 0)  # the control: overwriting alone leaves some
