"""No schedule of reads, writes, messages and failures leaves an old answer in any level.

FAULTS_SCHEDULES says how many schedules; a failure prints the one that was found, made short.
"""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.cache.memory import MemoryShared
from service.cache.protocol import ERASED
from service.cache.revs import Revs
from service.cache.two_level import TRUST_S, Served, TwoLevel
from tests.service.cache.replicas import (
    KEY,
    USER,
    Careless,
    Clock,
    Database,
    Dropping,
    Replica,
    Unversioned,
)

SCHEDULES = int(os.environ.get("FAULTS_SCHEDULES", "2000"))
STEPS = 30
REPLICAS = 2
NOTICED_S = 3.0
TURNS = 14
"""Turns of the loop after which nothing moves any more; the longest chain takes nine."""

WHICH = st.integers(0, REPLICAS - 1)
INDEX = st.integers(0, 3)


class Machine(RuleBasedStateMachine):
    """Two processes, one user, one list."""

    shared_kind: type[MemoryShared] = MemoryShared
    cache_kind: type[TwoLevel] = TwoLevel
    revs_kind: type[Revs] = Revs

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock, self.database = Clock(), Database()
        self.shared = self.shared_kind(self.clock, hear=self.publish)
        self.replicas = [self.replica() for _ in range(REPLICAS)]
        self.told: list[tuple[float, int]] = []  # when everybody could have heard of which change
        for one in self.replicas:
            self.link(one)

    def replica(self) -> Replica:
        return Replica(self.clock, self.shared, self.database, self.revs_kind(), self.cache_kind)

    def publish(self, user_id: str, rev: int) -> None:
        for one in self.replicas:
            if one.linked:
                one.inbox.append(rev)
        if rev in (self.database.rev, ERASED):
            self.told.append((self.clock.now, self.database.last))

    def settle(self) -> None:
        async def turn() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())

    def link(self, one: Replica) -> None:
        one.inbox.clear()
        one.silent_since = None
        one.cache.regained()

    @initialize(known=st.booleans())
    def begin(self, *, known: bool) -> None:
        if not known:
            self.database.rev = ERASED

    @rule(r=WHICH)
    def get(self, r: int) -> None:
        one = self.replicas[r]
        own, since = one.own, one.silent_since
        old = [last for at, last in self.told if at < self.clock.now - TRUST_S - NOTICED_S]

        async def read() -> None:
            served = await one.get()
            assert_not_older(served, own, self.database.erased_at, "own write")
            if since is not None and old and not any(other.owes for other in self.replicas):
                assert_not_older(served, max(old), self.database.erased_at, "link down")

        task = self.loop.create_task(read())
        self.settle()
        if task.done():
            task.result()
        else:
            task.add_done_callback(self.finished)

    def finished(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()

    failure: BaseException | None = None

    @rule(r=WHICH, i=INDEX)
    def finish_fill(self, r: int, i: int) -> None:
        self.replicas[r].fills.open(i)
        self.settle()

    @rule(r=WHICH, i=INDEX)
    def finish_write(self, r: int, i: int) -> None:
        """A put or a notice reaches the shared level."""
        self.replicas[r].writes.open(i)
        self.settle()

    @rule(r=WHICH)
    def write(self, r: int) -> None:
        rev = self.database.write()
        self.loop.call_soon(self.replicas[r].tell, rev)
        self.settle()

    @rule(r=WHICH)
    def read_through(self, r: int) -> None:
        """A read with nothing in its way; deep schedules are rare without it."""
        self.get(r)
        self.open_all(self.replicas[r])

    @rule(r=WHICH)
    def write_through(self, r: int) -> None:
        """A write with nothing in its way, heard by all who hear anything."""
        self.write(r)
        self.open_all(self.replicas[r])
        for one in self.replicas:
            while one.inbox:
                one.cache.heard(USER, one.inbox.pop(0))

    def open_all(self, one: Replica) -> None:
        while one.fills.waiting or one.writes.waiting:
            one.fills.open(0)
            one.writes.open(0)
            self.settle()

    @precondition(lambda self: self.database.rev != ERASED)
    @rule(r=WHICH)
    def erase(self, r: int) -> None:
        self.database.erase()
        self.loop.call_soon(self.replicas[r].tell, None)
        self.settle()

    @rule(r=WHICH, i=INDEX)
    def deliver(self, r: int, i: int) -> None:
        one = self.replicas[r]
        if one.inbox:
            one.cache.heard(USER, one.inbox.pop(i % len(one.inbox)))

    @rule(r=WHICH, i=INDEX)
    def duplicate(self, r: int, i: int) -> None:
        one = self.replicas[r]
        if one.inbox:
            one.cache.heard(USER, one.inbox[i % len(one.inbox)])

    @rule(r=WHICH)
    def lose_link(self, r: int) -> None:
        """Messages on the way are gone; the process notices when its pings stay unanswered."""
        one = self.replicas[r]
        if one.linked:
            one.inbox.clear()
            one.silent_since = self.clock.now

    @rule(r=WHICH)
    def relink(self, r: int) -> None:
        if not self.replicas[r].linked:
            self.link(self.replicas[r])

    @rule(r=WHICH)
    def kill_replica(self, r: int) -> None:
        """What it had not told yet was not answered 202, so the client sends it to another one."""
        one = self.replicas[r]
        owed = one.owes or bool(one.telling)
        self.loop.run_until_complete(one.close())
        self.replicas[r] = self.replica()
        self.link(self.replicas[r])
        if owed:
            rev = self.database.rev
            other = self.replicas[(r + 1) % REPLICAS]
            self.loop.call_soon(other.tell, None if rev == ERASED else rev)
        self.settle()

    @rule()
    def flush_shared(self) -> None:
        self.shared.records.clear()
        self.shared.answers.clear()
        self.shared.leases.clear()

    @rule(r=WHICH)
    def evict_record(self, r: int) -> None:
        """Redis may drop the one key that says what is newest and keep the rest."""
        self.shared.records.pop(USER, None)

    @rule(r=WHICH, broken=st.booleans())
    def break_wire(self, r: int, broken: bool) -> None:
        self.replicas[r].wire.broken = broken

    @rule(seconds=st.sampled_from([0.02, 0.5, 0.7, 4.0, 31.0, 61.0, 310.0, 1_000.0, 4_000.0]))
    def tick(self, seconds: float) -> None:
        self.clock.tick(seconds)
        for one in self.replicas:
            silent = one.silent_since
            if silent is not None and self.clock.now - silent >= NOTICED_S:
                one.cache.lost(silent)
        self.settle()

    @invariant()
    def quiescent_coherent(self) -> None:
        if self.failure is not None:
            raise self.failure
        if any(one.busy for one in self.replicas):
            return
        current = self.database.rev
        for number, one in enumerate(self.replicas):
            if one.linked:
                assert one.servable() in (None, current), f"local[{number}] is old"
                unknown = one.revs.get(USER) is None and USER in one.cache._absent
                assert not (unknown and current != ERASED), f"local[{number}] says: unknown"
        found = self.loop.run_until_complete(self.shared.read(USER, KEY))
        assert found.answer is None or found.answer.rev == current, "shared is old"

    def teardown(self) -> None:
        for one in self.replicas:
            self.loop.run_until_complete(one.close())
        self.settle()
        self.loop.close()


def assert_not_older(served: Served, least: int, erased_at: int, what: str) -> None:
    if served is None:
        assert erased_at >= least, f"{what}: unknown, after change {least}"
    else:
        assert served[0].rev >= least, f"{what}: {served[0].rev} after change {least}"


def run(machine: type[Machine], schedules: int, *phases: Phase) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=schedules,
            stateful_step_count=STEPS,
            derandomize=schedules <= 2_000,  # the same schedules on every push, others at night
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=phases or tuple(Phase),
        ),
    )


def test_no_schedule_leaves_an_old_answer_anywhere() -> None:
    run(Machine, SCHEDULES)


class DeleteAndPublish(Machine):
    shared_kind, cache_kind, revs_kind = Unversioned, Dropping, Careless


class VersionedSharedOnly(Machine):
    cache_kind, revs_kind = Dropping, Careless


@pytest.mark.parametrize("broken", [DeleteAndPublish, VersionedSharedOnly])
def test_a_cache_with_less_than_versions_everywhere_is_found_out(broken: type[Machine]) -> None:
    with pytest.raises(AssertionError, match=r"is old|own write|link down"):
        run(broken, 2_000, Phase.generate)
