"""Reads of one turn travel together."""

import asyncio
from collections.abc import Sequence

import pytest

from service.cache.coalesced import MOST_TOGETHER, Coalesced


class Server:
    """Answers a key with itself; remembers what came together."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def fetch(self, keys: list[str]) -> Sequence[bytes | None]:
        self.asked.append(keys)
        if "bad" in keys:
            raise ConnectionError
        return [key.encode() for key in keys]


async def test_what_is_asked_in_one_turn_is_one_fetch_and_everybody_gets_their_own() -> None:
    server = Server()
    reads = Coalesced(server.fetch)

    answers = await asyncio.gather(reads.read("a", "b"), reads.read("c"), reads.read("d", "e"))

    assert [["a", "b", "c", "d", "e"]] == server.asked
    assert [[b"a", b"b"], [b"c"], [b"d", b"e"]] == list(answers)


async def test_the_next_turn_is_the_next_fetch() -> None:
    server = Server()
    reads = Coalesced(server.fetch)

    for key in "ab":
        await reads.read(key)

    assert [["a"], ["b"]] == server.asked


async def test_one_fetch_carries_only_so_many() -> None:
    server = Server()
    reads = Coalesced(server.fetch)

    await asyncio.gather(*(reads.read(str(number)) for number in range(MOST_TOGETHER + 1)))

    assert [MOST_TOGETHER, 1] == [len(keys) for keys in server.asked]


async def test_a_reader_who_leaves_takes_nothing_from_the_others() -> None:
    reads = Coalesced(Server().fetch)
    leaving, staying = (asyncio.create_task(reads.read(key)) for key in "ab")
    await asyncio.sleep(0)

    leaving.cancel()

    assert [b"b"] == await staying


async def test_a_fetch_that_fails_fails_everybody_who_asked() -> None:
    reads = Coalesced(Server().fetch)

    results = await asyncio.gather(reads.read("bad"), reads.read("b"), return_exceptions=True)

    assert [ConnectionError, ConnectionError] == [type(result) for result in results]
    with pytest.raises(ConnectionError):
        await reads.read("bad")
