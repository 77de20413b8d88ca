"""What every shared level promises, on the real thing and on its stand-in."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from service.cache.answer import Answer
from service.cache.clients import open_blocking_client, open_client
from service.cache.link import Link
from service.cache.memory import MemoryShared
from service.cache.protocol import ERASED, Claim, Shared, SharedUnavailable
from service.cache.redis import RedisShared

TTL_S = 60.0


def answer(rev: int, body: bytes = b"{}") -> Answer:
    return Answer(body, "tag", rev, time.monotonic(), cost_s=0.25, fresh_s=30.0, stale_s=10.0)


class Heard:
    """What other processes were told."""

    def __init__(self) -> None:
        self.revs: list[tuple[str, int]] = []
        self.news = 0
        self.ready, self.more = asyncio.Event(), asyncio.Event()

    def heard(self, user_id: str, rev: int) -> None:
        self.revs.append((user_id, rev))
        self.more.set()

    def announced(self) -> None:
        self.news += 1

    def lost(self, since: float) -> None:
        self.ready.clear()

    def regained(self) -> None:
        self.ready.set()

    async def until(self, count: int) -> list[tuple[str, int]]:
        async with asyncio.timeout(10):
            while len(self.revs) < count:
                self.more.clear()
                await self.more.wait()
        return self.revs


class Level:
    """A shared level, a user nobody has used before, and what others hear of it."""

    def __init__(
        self, shared: Shared, heard: Heard, lose: Callable[[str], Awaitable[object]]
    ) -> None:
        self.shared, self.heard, self.lose = shared, heard, lose
        self.user = f"u{uuid4().hex}"
        self.key = f"{self.user}|v1.0|20"

    async def claim(self, rev: int = ERASED) -> Claim:
        seen = (await self.shared.read(self.user, self.key)).seen
        return await self.shared.claim(self.user, self.key, rev, seen)

    async def put(self, rev: int, claim: Claim, body: bytes = b"{}") -> bool:
        return await self.shared.put(self.user, self.key, answer(rev, body), claim, ttl_s=TTL_S)

    async def fill(self, rev: int, body: bytes = b"{}") -> bool:
        return await self.put(rev, await self.claim(rev), body)

    async def read(self) -> tuple[int, bytes | None]:
        found = await self.shared.read(self.user, self.key)
        return found.rev, found.answer.body if found.answer else None


@pytest.fixture(params=["memory", "redis"])
async def level(request: pytest.FixtureRequest) -> AsyncIterator[Level]:
    heard = Heard()
    if request.param == "memory":
        memory = MemoryShared(time.monotonic, hear=heard.heard)

        async def lose(user_id: str) -> None:
            del memory.records[user_id]

        yield Level(memory, heard, lose)
        return
    url = request.getfixturevalue("valkey_url")
    client, listening = open_client(url), open_blocking_client(url)
    shared = RedisShared(client, budget_s=5.0)
    link = Link(listening, heard, name="another process")
    link.open()
    async with asyncio.timeout(10):
        await heard.ready.wait()
    yield Level(shared, heard, lambda user_id: client.delete(f"et:r:{user_id}"))
    await link.close()
    await shared.close()
    await client.aclose()
    await listening.aclose()


async def test_of_a_stranger_it_knows_nothing(level: Level) -> None:
    assert (ERASED, None) == await level.read()


async def test_what_is_put_is_read_with_its_rev_and_as_it_was(level: Level) -> None:
    assert await level.fill(3, b'{"a":"\xc3\xa4"}')

    found = await level.shared.read(level.user, level.key)

    assert found.answer is not None
    assert (3, 3, b'{"a":"\xc3\xa4"}', "tag") == (
        found.rev,
        found.answer.rev,
        found.answer.body,
        found.answer.tag,
    )
    assert (0.25, 30.0, 10.0) == (
        found.answer.cost_s,
        found.answer.fresh_s,
        found.answer.stale_s,
    )
    assert abs(found.answer.made - time.monotonic()) < 30


async def test_a_change_makes_the_older_answer_invisible_at_once(level: Level) -> None:
    await level.fill(3)

    await level.shared.note([(level.user, 4)])

    assert (4, None) == await level.read()


async def test_an_older_notice_changes_nothing(level: Level) -> None:
    await level.fill(3, b"three")

    await level.shared.note([(level.user, 2)])

    assert (3, b"three") == await level.read()


async def test_a_fill_that_began_before_a_change_cannot_store(level: Level) -> None:
    claim = await level.claim()
    await level.shared.note([(level.user, 4)])

    assert not await level.put(3, claim)
    assert (4, None) == await level.read()


async def test_a_newer_answer_is_not_replaced_by_an_older_one(level: Level) -> None:
    slow, quick = await level.claim(1), await level.claim(2)

    assert await level.put(5, quick, b"five")
    assert not await level.put(4, slow, b"four")
    assert (5, b"five") == await level.read()


async def test_an_answer_of_the_same_rev_is_a_refreshed_one(level: Level) -> None:
    await level.fill(5, b"old")

    assert await level.fill(5, b"new")
    assert (5, b"new") == await level.read()


async def test_an_erasure_leaves_nothing_to_be_found_and_no_fill_brings_it_back(
    level: Level,
) -> None:
    await level.fill(5)
    claim = await level.claim(5)

    await level.shared.note([(level.user, ERASED)])

    assert (ERASED, None) == await level.read()
    assert not await level.put(5, claim)
    await level.shared.note([(level.user, 5)])  # a late notice of before
    assert (5, None) == await level.read()


async def test_an_erased_user_who_comes_back_is_found(level: Level) -> None:
    await level.fill(5)
    await level.shared.note([(level.user, ERASED), (level.user, 7)])

    assert await level.fill(7, b"seven")
    assert (7, b"seven") == await level.read()


async def test_one_holds_the_lease_until_the_answer_is_there(level: Level) -> None:
    first, second = await level.claim(), await level.claim()
    assert [True, False] == [first.held, second.held]

    await level.put(1, first)

    assert (await level.claim()).held


async def test_a_lease_that_is_given_back_is_free_and_only_its_holder_gives_it_back(
    level: Level,
) -> None:
    first, second = await level.claim(), await level.claim()

    await level.shared.release(level.key, second)
    assert not (await level.claim()).held
    await level.shared.release(level.key, first)
    assert (await level.claim()).held


async def test_whoever_has_not_seen_the_newest_answer_gets_no_lease(level: Level) -> None:
    """Else an answer that lands between a look and a claim would be made once more."""
    before = await level.shared.read(level.user, level.key)
    await level.fill(1)

    assert not (await level.shared.claim(level.user, level.key, 1, before.seen)).held
    assert (await level.claim(1)).held


async def test_a_lease_runs_out(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("memory", "redis"):
        monkeypatch.setattr(f"service.cache.{module}.LEASE_S", 0.05)
    await level.claim()

    await asyncio.sleep(0.2)

    assert (await level.claim()).held


async def test_whoever_knows_of_a_newer_rev_does_not_wait_for_an_older_one(level: Level) -> None:
    await level.claim(3)

    assert (await level.claim(4)).held


async def test_an_answer_lives_as_long_as_it_was_told(level: Level) -> None:
    claim = await level.claim()
    await level.shared.put(level.user, level.key, answer(3), claim, ttl_s=0.05)

    await asyncio.sleep(0.2)

    assert (3, None) == await level.read()


async def test_a_record_that_was_lost_takes_its_answers_and_its_fills_with_it(
    level: Level,
) -> None:
    """Eviction of the one key that says what is newest must never look like nothing happened."""
    await level.fill(3)
    claim = await level.claim(3)
    await level.lose(level.user)

    assert (ERASED, None) == await level.read()
    await level.claim(9)  # somebody else begins and makes a new record
    assert not await level.put(3, claim)
    assert (ERASED, None) == await level.read()


async def test_every_process_hears_of_every_notice_in_order(level: Level) -> None:
    notices = [(level.user, rev) for rev in (3, ERASED, 9)]

    await level.shared.note(notices)

    assert notices == await level.heard.until(3)


async def test_an_announcement_is_taken(level: Level) -> None:
    await level.shared.announce()


async def test_two_users_do_not_meet(level: Level) -> None:
    other = Level(level.shared, level.heard, level.lose)
    await level.fill(3, b"mine")
    await other.fill(4, b"theirs")

    assert [(3, b"mine"), (4, b"theirs")] == [await level.read(), await other.read()]


async def test_a_server_that_is_not_there_is_unavailable_and_not_for_long(unused_port) -> None:
    client = open_client(f"redis://127.0.0.1:{unused_port}/")
    shared = RedisShared(client, budget_s=0.01)

    for _ in range(20):
        with pytest.raises(SharedUnavailable):
            await shared.read("u1", "u1|v1.0|20")
    await shared.close()
    await client.aclose()


@pytest.fixture
def unused_port() -> int:
    from tests.servers import free_port

    return free_port()
