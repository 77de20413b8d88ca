"""A process that appends listens and says which ones were acknowledged; it is meant to be killed.

appender.py STORE RUN MODE
    acked  writes an id to stdout after `append` returned: nothing written may be lost
    eager  writes it before: the bug that the test of `acked` must be able to see
    full   writes until the store refuses, says so on stderr, is given room again, and goes on
"""

import asyncio
import os
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

from service.domain import Listen
from service.errors import StoreUnavailable
from service.store import Store
from service.store.sqlite import SqliteStore

TASKS = 8
ROOM_BYTES = 300_000
AT = datetime(2026, 3, 1, tzinfo=UTC)


def listens(run: str, task: int, number: int) -> list[Listen]:
    """One to three listens, of users that other tasks write too."""
    return [
        Listen(
            user_id=f"u{(task + part) % 3}",
            track_id="t",
            at=AT,
            id=f"{run}-{task}-{number}-{part}",
            source="x" * 60,
        )
        for part in range(1 + number % 3)
    ]


def say(descriptor: int, batch: list[Listen]) -> None:
    # One write of less than PIPE_BUF bytes: a line is there whole or not at all.
    os.write(descriptor, "".join(f"{listen.id}\n" for listen in batch).encode())


async def append(store: Store, run: str, task: int, *, eager: bool) -> None:
    number = 0
    while True:
        batch = listens(run, task, number)
        if eager:
            say(1, batch)
        await store.append(batch)
        if not eager:
            say(1, batch)
        number += 1


async def append_until_full(store: SqliteStore, run: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, most))
    refused = 0
    for number in range(100_000):
        batch = listens(run, number % TASKS, number)
        try:
            await store.append(batch)
        except StoreUnavailable:
            say(2, batch)
            refused += 1
            if refused == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        else:
            say(1, batch)
            if refused >= 3:
                return


async def main(path: str, run: str, mode: str) -> None:
    store = SqliteStore(Path(path))
    if mode == "full":
        await append_until_full(store, run)
        await store.close()
        return
    async with asyncio.TaskGroup() as tasks:
        for task in range(TASKS):
            tasks.create_task(append(store, run, task, eager=mode == "eager"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
