"""Runs strategies so that any may fail or be late alone.

Those of this process are quick, so they are asked in turn, on the event loop, and so is the list
made: threads that take the interpreter from each other made 276 lists a second where the loop alone
made 332. Where that takes long, or a strategy is another process's, one thread asks them in turn
and goes on to make the list. Whichever takes longer than `PATIENCE_S` there is left behind and goes
on beside the others, until the time is up.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic, thread_time
from typing import Generic, TypeVar

import structlog

from service import deadline, metrics, spans
from service.bus import Outcome
from service.domain import Strategy
from service.errors import OutOfTime, Unavailable
from service.model.current import View
from service.pace import Pace
from service.recommend.ask import Ask, Listener
from service.recommend.parts import Parts, usable
from service.recommend.retrieval import STRATEGIES, Score

log = structlog.get_logger()

Outcomes = dict[str, Outcome]
Result = TypeVar("Result")

PATIENCE_S = 0.005
MAKING_S = 0.002
"""What fusing, ordering and explaining take; with less time than that a list is not made."""
THREADS = ThreadPoolExecutor(16, thread_name_prefix="strategy")
"""Of their own: a strategy that hangs takes no thread from the store."""
PACE = Pace(quick_s=0.008)
"""Of lists, in time of the processor: what waits meanwhile has 0.1 s. At 100,000 tracks one takes 2
to 4 ms, its longest kernel 0.5 to 1."""


async def retrieve(
    view: View,
    listener: Listener,
    ask: Ask,
    then: Callable[[Parts, Outcomes], Result],
    *,
    timeout_s: float,
    strategies: Mapping[Strategy, Score] = STRATEGIES,
) -> Result:
    """What `then` makes of the parts that came in time, and of what became of each strategy."""
    asked = [(name, strategies[name]) for name in ask.strategies]
    turns = _Turns(view, listener, ask, asked, then)
    if PACE.quick and all(strategy is STRATEGIES[name] for name, strategy in asked):
        return turns.at_once()
    return await turns.result(timeout_s)


class _Turns(Generic[Result]):
    """The strategies of one request."""

    def __init__(
        self,
        view: View,
        listener: Listener,
        ask: Ask,
        asked: list[tuple[Strategy, Score]],
        then: Callable[[Parts, Outcomes], Result],
    ) -> None:
        self._given, self._then = (view, listener, ask), then
        self._names = [name for name, _ in asked]
        self._until = deadline.UNTIL.get()  # a thread has another context
        self._span = spans.here()
        self._waiting = deque(asked)
        self._settled: dict[Strategy, Parts | None] = {}
        self._landings = count(1)  # the thread that draws the last number makes the list
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Result] = self._loop.create_future()

    def at_once(self) -> Result:
        """On the loop, which does nothing else meanwhile."""
        began = thread_time()
        try:
            self._take_turns()
            return self._made()
        finally:  # also of a list that failed: the loop was held all the same
            PACE.saw(thread_time() - began)

    async def result(self, timeout_s: float) -> Result:
        """In threads, as many as it takes."""
        self._loop.run_in_executor(THREADS, self._work)
        timers = [
            self._loop.call_later(PATIENCE_S, self._overtake, PATIENCE_S),
            self._loop.call_later(timeout_s, self._close),
        ]
        try:
            return await self._answer
        finally:
            for timer in timers:
                timer.cancel()

    def _work(self) -> None:
        """In a thread: whoever settles the last strategy makes the list."""
        if self._take_turns():
            self._finish()

    def _take_turns(self) -> bool:
        """Ask strategies until none is left; whether the last of all was settled here."""
        while True:
            try:
                name, strategy = self._waiting.popleft()
            except IndexError:
                return False
            if not self._in_time(deadline.RESERVE_S):
                return False  # the list is made of what is there, or not at all
            self._settle(name, strategy)
            if next(self._landings) == len(self._names):
                return True

    def _settle(self, name: Strategy, strategy: Score) -> None:
        """Note what it says; None: it has failed. An error is not kept: it holds the request."""
        try:
            with spans.span("strategy", self._span, strategy=name):
                self._settled[name] = _usable(strategy, *self._given)
        except Unavailable:  # a service that fails says so itself
            self._settled[name] = None
        except Exception:
            self._settled[name] = None  # before it is logged, which may take longer than there is
            log.exception("strategy failed", strategy=name)

    def _overtake(self, patience_s: float) -> None:
        """Somebody takes long: the strategies that still wait need not."""
        if self._waiting and not self._answer.done():
            self._loop.run_in_executor(THREADS, self._work)
            self._loop.call_later(patience_s, self._overtake, patience_s)

    def _close(self) -> None:
        """The time is up: the list is made of what is there."""
        if len(self._settled) < len(self._names):
            self._loop.run_in_executor(THREADS, self._finish)

    def _finish(self) -> None:
        """In a thread."""
        try:
            result = self._made()
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked
            self._loop.call_soon_threadsafe(self._refuse, error)
        else:
            self._loop.call_soon_threadsafe(self._land, result)

    def _made(self) -> Result:
        settled = dict(self._settled)
        parts, outcomes = _told(self._names, settled)
        if not self._in_time(MAKING_S):
            raise OutOfTime("the deadline of the request leaves no time to make a list")
        return self._then(parts, outcomes)

    def _in_time(self, needed_s: float) -> bool:
        """Whether the next step may begin; in that case it does."""
        if self._until - monotonic() < needed_s:
            return False
        deadline.count_late(self._until)
        return True

    def _land(self, result: Result) -> None:
        if not self._answer.done():  # the last strategy came in just when the time was up
            self._answer.set_result(result)

    def _refuse(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


def _told(
    names: list[Strategy], settled: Mapping[Strategy, Parts | None]
) -> tuple[Parts, Outcomes]:
    parts: Parts = {}
    outcomes: Outcomes = {}
    for name in names:
        if name not in settled:
            outcomes[name] = "late"
        elif (found := settled[name]) is None:
            outcomes[name] = "failed"
        else:
            parts |= found
            outcomes[name] = "ok" if found else "skipped"
        if outcomes[name] != "skipped":
            metrics.STRATEGY_OUTCOMES.labels(name, outcomes[name]).inc()
    return parts, outcomes


def _usable(strategy: Score, view: View, listener: Listener, ask: Ask) -> Parts:
    """What the strategy says, if it can be blended: a wrong size or +inf is its own failure."""
    parts = strategy(view, listener, ask)
    for name, scores in parts.items():
        if not usable(scores, view.catalogue.size):
            raise ValueError(f"{name} has another size than the catalogue, or a score of +inf")
    return parts
