"""A process that learns the simplest thing there is, counts, from the event stream.

counting.py URL FOLDER MODE
    whole       counts, ids and the place in the stream are one checksummed file
    forgetful   without the ids: what is told twice counts twice
    apart       the place is kept in a file of its own, before the counts: a kill between loses some

It stands for every learner: what is asked of it is asked of them (tests/faults/test_nothing_lost).
"""

import asyncio
import hashlib
import os
import sys
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from service.bus import START, Entry, ListenStored
from service.bus.redis_streams import RedisStream
from service.errors import BusUnavailable

READER = "counting"
LIMIT = 100
WAIT_S = 0.1
SAVE_EVERY_S = 0.1
PAUSE_S = 0.05
FILE, PLACE_FILE = "counts", "place"


class Counts(Struct):
    """What was learned, and from what."""

    place: str = START
    by_user: dict[str, int] = {}
    seen: set[str] = set()

    def learn(self, entry: Entry, *, remember: bool) -> None:
        """Count what was not counted yet."""
        if isinstance(entry.fact, ListenStored):
            for listen in entry.fact.listens:
                key = f"{listen.user_id} {listen.id}"
                if key in self.seen:
                    continue
                if remember:
                    self.seen.add(key)
                self.by_user[listen.user_id] = self.by_user.get(listen.user_id, 0) + 1
        self.place = entry.place


def load(folder: Path) -> Counts:
    """What was saved last; nothing yet in an empty folder.

    Raises:
        ValueError: the file is not what was written.
    """
    path = folder / FILE
    if not path.exists():
        return Counts()
    digest, body = path.read_bytes()[:32], path.read_bytes()[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError(f"{path} is damaged")
    return msgspec.msgpack.decode(body, type=Counts)


def save(counts: Counts, folder: Path) -> None:
    body = msgspec.msgpack.encode(counts)
    write(folder / FILE, hashlib.sha256(body).digest() + body)


def write(path: Path, content: bytes) -> None:
    """The old content or the new, whenever the machine stops."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


async def count(url: str, folder: Path, mode: str) -> None:
    """Until killed."""
    counts, stream, saved_at = load(folder), RedisStream(url), 0.0
    if mode == "apart" and (folder / PLACE_FILE).exists():
        counts.place = (folder / PLACE_FILE).read_text()
    place, told = counts.place, False
    while True:
        try:
            if not told:
                await stream.keep_from(READER, counts.place)
                told = True
            entries = await stream.read(counts.place, limit=LIMIT, wait_s=WAIT_S)
            for entry in entries:
                counts.learn(entry, remember=mode != "forgetful")
            if counts.place == place or (entries and time.monotonic() < saved_at + SAVE_EVERY_S):
                continue
            if mode == "apart":
                write(folder / PLACE_FILE, counts.place.encode())
                await asyncio.sleep(SAVE_EVERY_S)
            save(counts, folder)
            place, saved_at = counts.place, time.monotonic()
            await stream.keep_from(READER, place)
        except BusUnavailable:
            await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    asyncio.run(count(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
