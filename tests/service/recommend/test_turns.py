"""Strategies in turn; any may fail or be late alone."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Awaitable, Iterator
from math import inf
from typing import Any

import numpy as np
import pytest
import structlog

from core.topk import topk
from service import deadline, metrics
from service.errors import OutOfTime, PeerUnavailable
from service.recommend import turns
from service.recommend.ask import Ask
from service.recommend.parts import Parts
from service.recommend.retrieval import trending
from service.recommend.turns import Outcomes, retrieve
from tests.service.given import catalogue, listener, model, player_of, track, view

KNOWN = catalogue()
VIEW = view(KNOWN, fitted=model(KNOWN))
JAZZ_LOVER = player_of(KNOWN, "jazz01", "jazz02", "jazz03")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a slow strategy back until the test is over."""
    opened = threading.Event()
    yield opened
    opened.set()


async def ask(strategies, *, timeout_s: float = 5.0, **asked):
    found = dict.fromkeys(Ask(**asked).strategies, lambda *_: {}) | strategies
    return await retrieve(
        VIEW, JAZZ_LOVER, Ask(**asked), told, timeout_s=timeout_s, strategies=found
    )


def told(parts: Parts, outcomes: Outcomes) -> tuple[Parts, Outcomes]:
    return parts, outcomes


async def test_every_strategy_that_says_something_is_ok() -> None:
    parts, outcomes = await retrieve(VIEW, JAZZ_LOVER, Ask(), told, timeout_s=5)

    assert {
        "collaborative": "ok",
        "content": "ok",
        "context": "skipped",
        "trending": "ok",
    } == outcomes
    assert ["collaborative", "artist", "genre", "audio", "trending"] == list(parts)


async def test_only_the_strategy_asked_for_runs() -> None:
    parts, outcomes = await retrieve(VIEW, JAZZ_LOVER, Ask(strategy="content"), told, timeout_s=5)

    assert {"content": "ok"} == outcomes
    assert "trending" not in parts


async def test_a_strategy_that_fails_is_named_and_logged_and_the_others_answer() -> None:
    def broken(*_):
        raise ZeroDivisionError

    with structlog.testing.capture_logs() as logs:
        parts, outcomes = await ask({"content": broken, "trending": trending})

    assert ("failed", "ok") == (outcomes["content"], outcomes["trending"])
    assert {"trending"} == parts.keys()
    assert ["content"] == [log["strategy"] for log in logs if log["event"] == "strategy failed"]


async def test_a_failure_keeps_nothing_of_the_request() -> None:
    """A traceback that is kept has the listener's history in its frames."""

    class Heavy:
        pass

    seen = list[weakref.ref[Heavy]]()

    def broken(*_):
        heavy = Heavy()
        seen.append(weakref.ref(heavy))
        raise PeerUnavailable("down")

    gc.disable()
    try:
        _, outcomes = await ask({"content": broken})
        assert "failed" == outcomes["content"]
        assert seen[0]() is None
    finally:
        gc.enable()


async def test_a_late_strategy_is_left_out_and_costs_no_more_than_the_timeout(gate) -> None:
    def slow(*_):
        gate.wait(10)
        return {"context": VIEW.trending}

    start = time.perf_counter()
    parts, outcomes = await ask({"context": slow, "trending": trending}, timeout_s=0.1)
    spent = time.perf_counter() - start

    assert ("late", "ok") == (outcomes["context"], outcomes["trending"])
    assert "context" not in parts
    assert 0.1 <= spent < 2


async def test_a_strategy_that_takes_long_holds_up_no_other() -> None:
    """Each waits for the other: one after the other would never meet."""
    meeting = threading.Barrier(2, timeout=5)

    def waits(*_):
        meeting.wait()
        return {}

    _, outcomes = await ask({"context": waits, "content": waits})

    assert ("skipped", "skipped") == (outcomes["context"], outcomes["content"])


@pytest.mark.parametrize(
    "wrong", [np.array([np.inf], np.float32), np.zeros(2, np.float32), np.zeros((1, 1), np.float32)]
)
async def test_scores_that_cannot_be_blended_are_a_failure_of_that_strategy_alone(wrong) -> None:
    known = catalogue(track("t1"))
    strategies: dict[Any, Any] = {
        "content": lambda *_: {"artist": wrong},
        "trending": lambda *_: {"trending": np.ones(1, np.float32)},
        "collaborative": lambda *_: {},
        "context": lambda *_: {},
    }

    parts, outcomes = await retrieve(
        view(known), listener(known), Ask(), told, timeout_s=5, strategies=strategies
    )

    assert ["trending"] == list(parts)
    assert ("failed", "ok") == (outcomes["content"], outcomes["trending"])


async def test_all_is_done_in_one_hop_to_a_thread_while_nobody_is_slow() -> None:
    seen = []

    def noted(*_):
        seen.append(threading.get_ident())
        return {}

    def then(*_):
        return threading.get_ident()

    every: dict[Any, Any] = dict.fromkeys(Ask().strategies, noted)
    ended = await retrieve(VIEW, JAZZ_LOVER, Ask(), then, timeout_s=5, strategies=every)

    assert ({ended}, 4) == (set(seen), len(seen))


async def test_what_goes_wrong_while_the_list_is_made_reaches_whoever_asked() -> None:
    def then(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await retrieve(VIEW, JAZZ_LOVER, Ask(), then, timeout_s=5)


async def test_a_strategy_that_comes_in_after_the_time_changes_nothing(gate) -> None:
    made = []

    def slow(*_):
        gate.wait(10)
        return {"context": VIEW.trending}

    def then(parts, outcomes):
        made.append(outcomes["context"])
        return parts

    strategies = dict.fromkeys(Ask().strategies, trending) | {"context": slow}
    parts = await retrieve(VIEW, JAZZ_LOVER, Ask(), then, timeout_s=0.05, strategies=strategies)
    gate.set()

    assert {"trending"} == parts.keys()
    assert "late" == made[0]


async def held_up(gate) -> tuple[list[str], float, object]:
    """Strategies begun after one that took longer than there was, steps that began too late, and
    what came of it."""
    begun, before = list[str](), metrics.LATE_WORK._value.get()

    def hold(*_):
        gate.wait(10)
        return {"collaborative": VIEW.trending}

    def noted(*_):
        begun.append("content")
        return {}

    with deadline.within(0.03):
        asking = ask({"collaborative": hold, "content": noted}, timeout_s=0.02)
        task = asyncio.create_task(asking)
    await asyncio.sleep(0)
    time.sleep(0.05)  # noqa: ASYNC251 - the loop is held up too: nobody overtakes
    gate.set()
    outcome = await asyncio.gather(task, return_exceptions=True)
    return begun, metrics.LATE_WORK._value.get() - before, outcome[0]


async def test_after_the_deadline_no_strategy_is_asked_and_no_list_made(gate) -> None:
    begun, late, said = await held_up(gate)

    assert ([], 0) == (begun, late)
    assert isinstance(said, OutOfTime)


async def test_if_no_thread_looked_at_the_clock_they_would_be(gate, monkeypatch) -> None:
    """The control."""
    monkeypatch.setattr(deadline, "RESERVE_S", -inf)
    monkeypatch.setattr(turns, "MAKING_S", -inf)

    begun, late, said = await held_up(gate)

    assert ["content"] == begun
    assert late > 0
    assert not isinstance(said, OutOfTime)


def long_kernels(*_: object) -> Parts:
    """A third of a second in kernels."""
    scores, until = np.random.default_rng(0).random(1_000_000, np.float32), time.monotonic() + 0.3
    while time.monotonic() < until:
        topk(scores, 100)
    return {}


async def longest_turn(work: Awaitable[object]) -> float:
    """Seconds for which the event loop did nothing else while this was done."""
    task, longest, last = asyncio.ensure_future(work), 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    return longest


async def test_kernels_that_take_long_do_not_hold_the_loop() -> None:
    topk(np.ones(2, np.float32), 1)  # compiled by now

    assert await longest_turn(ask({"content": long_kernels})) < 0.2


async def test_on_the_loop_they_would() -> None:
    """The control."""

    async def on_the_loop() -> None:
        long_kernels()

    assert await longest_turn(on_the_loop()) >= 0.3
