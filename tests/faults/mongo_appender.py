"""A process that appends listens to MongoDB and says which were acknowledged; meant to be killed.

mongo_appender.py URL CLIENT RUN MODE
    acked  writes an id to stdout after `append` returned: nothing written may be lost
    eager  writes it before: the bug that the test of `acked` must be able to see
"""

import asyncio
import sys

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from service.store.mongo import open_mongo
from tests.faults.appender import TASKS, append

CLIENTS = {"motor": AsyncIOMotorClient, "pymongo": AsyncMongoClient}


async def main(url: str, client: str, run: str, mode: str) -> None:
    store = await open_mongo(url, CLIENTS[client])
    async with asyncio.TaskGroup() as tasks:
        for task in range(TASKS):
            tasks.create_task(append(store, run, task, eager=mode == "eager"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
