"""A strategy that is a service: its word counts like any other's, and its faults are its own."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import numpy as np
import pytest
from structlog.testing import capture_logs

from service import breaker
from service.domain import Context, User
from service.errors import Invalid, PeerUnavailable
from service.peer import MOST_BYTES
from service.profile.history import fold
from service.recommend.ask import Ask, Listener
from service.recommend.remote import Remote, StrategyQuestion, services
from service.recommend.retrieval import STRATEGIES
from service.recommend.strategist import Strategist
from service.store.memory import MemoryStore
from service.store.reads import Reads
from tests import worlds
from tests.servers import HOST, free_port
from tests.service import given
from tests.service.peer import Answer, Service
from tests.service.recommend.desk import Desk

KNOWN = given.catalogue(*(given.track(name) for name in ("a", "b", "c")))
VIEW = given.view(KNOWN)
ANYBODY = Listener(User(id="ada"), fold([], KNOWN))


def said(**parts: dict[str, Any]) -> Answer:
    return lambda _: (200, json.dumps({"parts": parts}).encode())


@pytest.fixture
def patient() -> Iterator[None]:
    with capture_logs():
        yield


def asked(answer: Answer, *, timeout_s: float = 5.0, strategy: Any = "content") -> dict:
    with Service(answer) as service:
        remote = Remote(strategy, service.url, timeout_s=timeout_s)
        try:
            return dict(remote(VIEW, ANYBODY, Ask()))
        finally:
            remote.close()


def test_a_service_names_tracks_and_speaks_of_all_others_at_once() -> None:
    parts = asked(
        said(
            artist={"track_ids": ["c", "elsewhere", "a"], "scores": [0.5, 9, -1], "rest": 0.25},
            audio={"track_ids": ["b"], "scores": [2]},
        )
    )

    np.testing.assert_array_equal(np.array([-1, 0.25, 0.5], np.float32), parts["artist"])
    np.testing.assert_array_equal(np.array([np.nan, 2, np.nan], np.float32), parts["audio"])


def test_a_service_may_have_nothing_to_say() -> None:
    assert {} == asked(said())


def test_it_is_told_who_asks_and_when_and_its_connection_is_kept() -> None:
    with Service(said()) as service:
        remote = Remote("context", f"{service.url}/base/", timeout_s=5.0)
        for mood in ("sad", "happy"):
            remote(VIEW, ANYBODY, Ask(context=Context(mood=mood)))
        remote.close()

    (path, first), (_, second) = service.asked
    assert ("/base/v1/strategies/context", "ada") == (path, first["user_id"])
    assert ["sad", "happy"] == [one["context"]["mood"] for one in (first, second)]
    assert 1 == len(service.connections)


def test_a_connection_that_was_closed_meanwhile_is_no_failure() -> None:
    with Service(said()) as service:
        remote = Remote("content", service.url, timeout_s=5.0)
        for _ in range(2):
            remote(VIEW, ANYBODY, Ask())
            for kept in remote._peer.idle:
                kept.sock.shutdown(2)
        remote.close()

    assert 2 == len(service.connections)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "status, body",
    [
        (500, b"{}"),
        (404, b'{"parts": {}}'),
        (200, b""),
        (200, b"[]"),
        (200, b'{"parts": {"artist": {"track_ids": ["a"], "scores": [NaN]}}}'),
        (200, b'{"parts": {"artist": {"track_ids": ["a"], "scores": [1e300]}}}'),
        (200, b'{"parts": {"artist": {"track_ids": [], "scores": [], "rest": -1e300}}}'),
        (200, b'{"parts": {"artist": {"track_ids": ["a"], "scores": []}}}'),
        (200, b'{"parts": {"collaborative": {"track_ids": ["a"], "scores": [1]}}}'),
        (200, b'{"parts": {"unheard of": {"track_ids": ["a"], "scores": [1]}}}'),
        (200, b'{"likes": {"artists": {"a": NaN}}}'),
        (200, b'{"likes": {"genres": {"a": 1e300}}}'),
        (200, b'{"likes": {"target": [0.5], "weights": [1]}}'),
        (200, b'{"likes": {"target": [], "weights": [1]}}'),
        (200, b" " * (MOST_BYTES + 1)),
        (200, b"[" * 100_000),
    ],
)
def test_an_answer_that_is_none_is_its_own_failure(status: int, body: bytes) -> None:
    with pytest.raises(PeerUnavailable, match="strategy-content gave no answer"):
        asked(lambda _: (status, body))


@pytest.mark.usefixtures("patient")
def test_an_answer_that_comes_too_late_is_not_waited_for() -> None:
    def late(_: object) -> tuple[int, bytes]:
        time.sleep(2)
        return 200, b'{"parts": {}}'

    with pytest.raises(PeerUnavailable):
        asked(late, timeout_s=0.05)


@pytest.mark.usefixtures("patient")
def test_a_service_that_is_down_is_left_alone_after_five_failures(monkeypatch) -> None:
    monkeypatch.setattr(breaker, "PAUSE_S", 3600)
    url = f"http://{HOST}:{free_port()}"
    remote, texts = Remote("content", url, timeout_s=5.0), []
    for _ in range(breaker.FAILURES + 1):
        with pytest.raises(PeerUnavailable) as raised:
            remote(VIEW, ANYBODY, Ask())
        texts.append(str(raised.value))

    assert [
        *["strategy-content gave no answer"] * 5,
        "strategy-content has not answered lately",
    ] == texts


@pytest.mark.parametrize(
    "text",
    ["content", "content=", "content=ftp://x", "content=http://", "taste=http://x", ",", "="],
)
def test_a_setting_that_names_no_service_stops_the_start(text: str) -> None:
    with pytest.raises(Invalid):
        services(text, timeout_s=1.0)


def test_services_are_named_by_strategy() -> None:
    found = services("content=http://a:1, context=https://b/c", timeout_s=1.0)

    assert ["content", "context"] == list(found)
    assert {} == services(None, timeout_s=1.0) == services("", timeout_s=1.0)


@asynccontextmanager
async def desks(answered: Answer | None = None) -> AsyncIterator[tuple[Desk, Desk, Service]]:
    """A desk with all strategies in its process, and one that asks a service about content."""
    store = MemoryStore()
    await store.append(list(worlds.listens()))
    here = Desk(store)
    strategist = Strategist(Reads(store), here.current, clock=lambda: given.NOON)

    def answer(question: Any) -> tuple[int, bytes]:
        reply = anyio.run(strategist.answer, "content", msgspec.convert(question, StrategyQuestion))
        return 200, msgspec.json.encode(reply)

    with Service(answered or answer) as service:
        remote = Remote("content", service.url, timeout_s=5.0)
        yield here, Desk(store, strategies={**STRATEGIES, "content": remote}), service
        remote.close()


async def test_a_list_is_the_same_whether_its_content_comes_from_here_or_from_a_service() -> None:
    async with desks() as (here, there, service):
        for user_id in ("jazz-u0", "metal-u1", "stranger"):
            near, _ = await here.ask(user_id)
            far, _ = await there.ask(user_id)

            assert near.strategies == far.strategies
            assert near.recommendations == far.recommendations
        assert len(service.asked) >= 3


@pytest.mark.usefixtures("patient")
async def test_a_service_that_fails_costs_a_list_its_strategy_and_nothing_else() -> None:
    async with desks(lambda _: (500, b"")) as (_, there, _):
        page, _ = await there.ask("jazz-u0")

    assert ("failed", "ok", "personal") == (
        page.strategies["content"],
        page.strategies["collaborative"],
        page.tier,
    )
    assert page.recommendations
