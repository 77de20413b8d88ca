"""Spikes, stuck and dead backends: who is refused, who waits, and how often anybody tries again."""

import asyncio
import time
from typing import Any

import pytest
from msgspec import structs
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from service import deadline, metrics
from service.api.admission import Admission, class_of
from service.cache.clients import open_client
from service.cache.protocol import SharedUnavailable
from service.cache.redis import RedisShared
from service.domain import User
from service.errors import StoreUnavailable
from service.recommend.ask import Ask
from service.store.memory import MemoryStore
from service.store.reads import MOST_AT_STORE, Reads
from tests import worlds
from tests.faults.sizes import FULL, size
from tests.service.recommend.desk import Desk

TIMEOUT_S = 0.09
LIST, AHEAD = "/v1/users/u1/recommendations", [(b"sec-purpose", b"prefetch")]


class Servers:
    """Forty places that take 5 ms each: what is behind the door, with a limit that is known."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(40)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._places:
            await asyncio.sleep(0.005)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def spike(app: Any) -> dict[str, float]:
    """Share of each class answered 200 in time: steady users and events, and 12 times as many
    who ask ahead and come in heaps."""
    good: dict[str, list[bool]] = {"user": [], "events": [], "prefetch": []}

    async def one(name: str, path: str, headers: Any) -> None:
        start, said = time.monotonic(), []

        async def send(message: Any) -> None:
            said.append(message.get("status"))

        await app({"type": "http", "path": path, "headers": headers}, None, send)
        good[name].append(said[0] == 200 and time.monotonic() - start < BOUND_S)

    async with asyncio.TaskGroup() as group:
        for _ in range(size(40, 600)):
            for _ in range(120):
                group.create_task(one("prefetch", LIST, AHEAD))
            for _ in range(10):
                group.create_task(one("user", LIST, []))
            group.create_task(one("events", "/v1/listens", []))
            await asyncio.sleep(0.01)
    return {name: sum(all_of) / len(all_of) for name, all_of in good.items()}


BOUND_S = 0.1 if FULL else 1.0  # a busy test run is given more


class Unhurried(Admission):
    """The loop of a busy test machine is late by itself: here the count decides, not the lag."""

    def late(self, lag_s: float) -> None:
        super().late(lag_s if FULL else 0.0)


async def test_twelve_times_as_many_who_ask_ahead_keep_out_no_user_and_no_event() -> None:
    good = await spike(Unhurried(Servers(), timeout_s=TIMEOUT_S))

    assert good["user"] >= 0.994
    assert good["events"] >= 0.999
    assert good["prefetch"] < 0.9


async def test_if_all_were_users_the_spike_would_keep_users_out() -> None:
    """The control: the same door without classes."""

    def alike(scope: Any) -> Any:
        return "user" if class_of(scope) == "prefetch" else class_of(scope)

    good = await spike(Unhurried(Servers(), timeout_s=TIMEOUT_S, classify=alike))

    assert good["user"] < 0.994


class Counted(MemoryStore):
    """A store that fails, or hangs, and counts how often it was asked."""

    fails, hangs, asked = False, False, 0

    async def user(self, user_id: str) -> User | None:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(600)
        if self.fails:
            raise StoreUnavailable("it is down")
        return await super().user(user_id)


async def filled() -> Counted:
    store = Counted()
    await store.append([structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())])
    return store


async def test_a_failing_store_is_asked_at_most_once_per_request() -> None:
    store = await filled()
    desk = Desk(store)
    store.fails, requests = True, size(500, 5_000)

    for number in range(requests):
        assert "popular" == (await desk.ask(f"jazz-u{number % 15}"))[0].tier

    assert store.asked <= 1.1 * requests
    assert store.asked < requests / 10  # the breaker


async def connections(client_of: Any, requests: int) -> int:
    """How often a client that is asked so often connects to a server that hangs up at once."""
    count = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = client_of(f"redis://127.0.0.1:{port}/")
    for _ in range(requests):
        shared = RedisShared(client, budget_s=5.0)  # a new one each time: no breaker spares any
        with pytest.raises(SharedUnavailable):
            await shared.read("u1", "u1|v1.0|20")
        await shared.close()
    await client.aclose()
    server.close()
    return count


async def test_a_failing_shared_level_is_asked_once_per_request() -> None:
    requests = size(20, 500)

    assert await connections(open_client, requests) <= 1.1 * requests


async def test_with_retries_of_the_driver_it_would_be_asked_more_often() -> None:
    """The control."""

    def stubborn(url: str) -> Redis:
        client: Redis = Redis.from_url(url, retry=Retry(NoBackoff(), 3))
        return client

    assert await connections(stubborn, 10) > 1.1 * 10


async def hits(desk: Desk, seconds: float) -> tuple[int, float]:
    """How many kept lists are served in so long, and the slowest, while strangers' reads hang."""
    served, slowest, end, number = 0, 0.0, time.monotonic() + seconds, 0
    waiting: list[asyncio.Task[Any]] = []
    while time.monotonic() < end:
        for _ in range(20):
            number += 1
            waiting.append(asyncio.create_task(desk.ask(f"cold-{number}")))
        start = time.monotonic()
        _, source = await desk.recommender.for_user("jazz-u0", Ask())
        assert "local" == source
        slowest, served = max(slowest, time.monotonic() - start), served + 1
        await asyncio.sleep(0.01)
    tiers = {page.tier for page, _ in await asyncio.gather(*waiting)}
    assert {"popular"} == tiers
    return served, slowest


async def test_a_stuck_store_holds_few_reads_and_leaves_kept_lists_alone() -> None:
    store = await filled()
    reads = Reads(store)
    desk = Desk(store, reads=reads)
    await desk.ask()
    store.hangs = True

    served, slowest = await hits(desk, 1.0 * size(1, 20))

    assert served > 5
    assert slowest < BOUND_S
    assert reads.under_way <= MOST_AT_STORE
    await reads.close()
    await desk.cache.close()


async def test_without_the_bulkhead_a_stuck_store_would_hold_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: as many places as one likes, and a breaker that never opens."""
    monkeypatch.setattr("service.breaker.FAILURES", 10**9)
    monkeypatch.setattr("service.breaker.MOST_FAILED", 10**9)
    store = await filled()
    reads = Reads(store, most=10**6)
    desk = Desk(store, reads=reads)
    await desk.ask()
    store.hangs = True

    await hits(desk, 0.5)

    assert reads.under_way > MOST_AT_STORE
    await reads.close()
    await desk.cache.close()


class Slow(MemoryStore):
    """50 ms for whatever it is asked."""

    async def user(self, user_id: str) -> User | None:
        await asyncio.sleep(0.05)
        return await super().user(user_id)


async def asked_in_a_hurry(desk: Desk, requests: int) -> float:
    """Steps begun too late while so many requests with 20 to 90 ms go through."""
    before = metrics.LATE_WORK._value.get()

    async def one(number: int) -> None:
        with deadline.within(0.02 + 0.07 * (number % 100) / 100):
            await desk.ask(f"jazz-u{number % 15}", limit=1 + number % 100)

    for start in range(0, requests, 50):
        await asyncio.gather(*(one(number) for number in range(start, start + 50)))
    return metrics.LATE_WORK._value.get() - before


async def test_nothing_is_begun_after_its_deadline() -> None:
    store = Slow()
    await store.append([structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())])
    desk = Desk(store, reads=Reads(store, budget_s=1.0))

    assert 0 == await asked_in_a_hurry(desk, size(200, 10_000))


async def test_if_nobody_looked_at_the_clock_work_would_begin_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""
    monkeypatch.setattr(deadline, "need", lambda _: None)
    store = Slow()
    await store.append([structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())])
    desk = Desk(store, reads=Reads(store, budget_s=1.0))
    monkeypatch.setattr(Reads, "_answered", _patiently)

    assert await asked_in_a_hurry(desk, 200) > 0


async def _patiently(self: Reads, task: Any, until: float) -> Any:
    return await task
