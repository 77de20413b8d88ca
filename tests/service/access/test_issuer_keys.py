"""The keys of an issuer: read seldom, believed for an hour, and whoever floods gains nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

from service.access import issuer_keys
from service.access.issuer_keys import HOLD_S, LEAST_BETWEEN_S, MOST_WAITING, IssuerKeys
from service.access.jwk_source import MOST_BYTES, READ_S, reader
from service.errors import Unavailable
from tests.issuer import KeyServer, jwk, key_set, rsa_key

ONE = jwk(rsa_key(), "one")
TWO = jwk(rsa_key("two"), "two")


class Clock:
    """Seconds that pass when told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(key_set(ONE)) as one:
        yield one


@pytest.fixture
async def keys(server: KeyServer, clock: Clock) -> AsyncIterator[IssuerKeys]:
    made = IssuerKeys(reader(server.url), ("RS256",), clock=clock)
    yield made
    await made.close()


async def test_a_key_that_is_known_is_not_asked_for_again(keys: Any, server: KeyServer) -> None:
    for _ in range(100):
        assert await keys.key("one", "RS256") is not None

    assert 1 == server.asked


@pytest.mark.parametrize("between_s, most", [(LEAST_BETWEEN_S, 2), (0.0, 10_000)])
async def test_a_flood_of_names_asks_once_a_minute(
    keys: Any, server: KeyServer, clock: Clock, monkeypatch: Any, between_s: float, most: int
) -> None:
    """The second case is the control: without the minute each name asks."""
    monkeypatch.setattr(issuer_keys, "LEAST_BETWEEN_S", between_s)
    for number in range(200):
        clock.now += 0.4  # 80 seconds in all
        assert await keys.key(f"kid{number}", "RS256") is None
        assert await keys.key("one", "RS256") is not None

    assert server.asked <= most
    assert (server.asked > 100) == (between_s == 0.0)


async def test_a_crowd_waits_for_one_answer(keys: Any, server: KeyServer) -> None:
    server.wait_s = 0.1

    found = await asyncio.gather(*(keys.key("one", "RS256") for _ in range(MOST_WAITING)))

    assert None not in found
    assert 1 == server.asked


async def test_more_than_a_crowd_is_sent_away(keys: Any, server: KeyServer) -> None:
    server.wait_s = 0.1

    found = await asyncio.gather(
        *(keys.key("one", "RS256") for _ in range(MOST_WAITING + 20)), return_exceptions=True
    )

    assert 20 == sum(isinstance(one, Unavailable) for one in found)


@pytest.mark.parametrize("hold_s", [HOLD_S, float("inf")])
async def test_while_the_issuer_is_away_its_keys_hold_for_an_hour(
    keys: Any, server: KeyServer, clock: Clock, monkeypatch: Any, hold_s: float
) -> None:
    """The second case is the control: without an end they would hold for ever."""
    monkeypatch.setattr(issuer_keys, "HOLD_S", hold_s)
    await keys.look()
    server.stop()
    for _ in range(59):
        clock.now += 60
        await keys.look()
        assert await keys.key("one", "RS256") is not None

    clock.now += 61
    if hold_s == HOLD_S:
        with pytest.raises(Unavailable):
            await keys.key("one", "RS256")
    else:
        assert await keys.key("one", "RS256") is not None


async def test_an_issuer_that_was_never_there_is_said_and_comes_back(clock: Clock) -> None:
    with KeyServer(key_set(ONE)) as server:
        keys = IssuerKeys(reader(server.url), ("RS256",), clock=clock)
        server.status = 503
        with pytest.raises(Unavailable):
            await keys.key("one", "RS256")
        server.status = 200
        with pytest.raises(Unavailable):  # no minute has passed
            await keys.key("one", "RS256")
        clock.now += LEAST_BETWEEN_S
        assert await keys.key("one", "RS256") is not None
        assert 2 == server.asked
        await keys.close()


async def test_a_new_key_is_found_at_once_and_an_old_one_ends(
    keys: Any, server: KeyServer, clock: Clock
) -> None:
    await keys.look()
    clock.now += LEAST_BETWEEN_S
    server.body = key_set(TWO)

    assert await keys.key("two", "RS256") is not None
    assert await keys.key("one", "RS256") is None
    assert 2 == server.asked


async def test_another_key_of_the_same_name_is_another_key(
    keys: Any, server: KeyServer, clock: Clock
) -> None:
    await keys.look()
    before = keys.all
    clock.now += LEAST_BETWEEN_S
    server.body = key_set(jwk(rsa_key("two"), "one"))

    await keys.look()

    assert before is not keys.all


async def test_keys_that_are_the_same_are_kept(keys: Any, clock: Clock) -> None:
    await keys.look()
    before = keys.all
    clock.now += LEAST_BETWEEN_S

    await keys.look()

    assert before is keys.all


def slowly(file: Any) -> None:
    for _ in range(100):
        file.write(b" ")
        file.flush()
        time.sleep(0.1)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/keys"}},
        {"body": b"<html>"},
        {"body": b"[]"},
        {"body": b'{"keys":{}}'},
        {"body": b"[" * 100_000},
        {"body": b"\xff"},
        {"body": key_set(TWO) + b" " * MOST_BYTES},
        {"body": key_set(TWO), "headers": {"Content-Length": "9999"}},
        {"body": b" " * 100, "write": slowly},
        {"wait_s": READ_S + 1},
    ],
    ids=range(11),
)
async def test_what_is_no_set_of_keys_changes_nothing(
    keys: Any, server: KeyServer, clock: Clock, fault: dict[str, Any]
) -> None:
    await keys.look()
    before = keys.all
    clock.now += LEAST_BETWEEN_S
    for name, value in fault.items():
        setattr(server, name, value)

    await keys.look()

    assert before is keys.all
    assert 2 == server.asked
    assert await keys.key("one", "RS256") is not None


async def test_a_watch_reads_them_every_five_minutes(
    keys: Any, server: KeyServer, clock: Clock, monkeypatch: Any
) -> None:
    monkeypatch.setattr(issuer_keys, "LEAST_BETWEEN_S", 0.01)
    await keys.look()
    clock.now += 299
    await keys._look_now_and_then()
    assert 1 == server.asked

    clock.now += 1
    keys.watch()
    with anyio.fail_after(20):
        while server.asked < 2:  # noqa: ASYNC110 - it looks by itself
            await anyio.sleep(0.02)
    assert keys.hold
