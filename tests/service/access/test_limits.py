"""Leases against the pure model: never more than a burst and the rate, whatever Redis does."""

import asyncio
import math
import random

import pytest

from service.access.gcra import Rate
from service.access.identity import Identity
from service.access.limits import LEASE_S, LIFE_S, KeyLimits
from service.access.protocol import BudgetUnavailable

RATE = Rate(50.0, 20.0)
SOMEBODY = Identity(name="k", scopes=frozenset(), rate=RATE)


class Shared:
    """The budget in one place, in plain arithmetic, and when what was taken out of it."""

    def __init__(self, now: list[float]) -> None:
        self.now, self.paid_at, self.down = now, 0.0, False
        self.leases: list[tuple[float, float]] = []

    async def lease(self, name: str, wanted: float, rate: Rate) -> tuple[float, float]:
        await asyncio.sleep(0)
        if self.down:
            raise BudgetUnavailable
        now = self.now[0]
        paid = max(self.paid_at, now)
        left = rate.burst - (paid - now) * rate.per_s
        granted = math.floor(min(wanted, left) + 1e-6)
        if granted < 1:
            return 0.0, (1 - left) / rate.per_s
        self.paid_at = paid + granted / rate.per_s
        self.leases.append((now, granted))
        return granted, 0.0

    async def close(self) -> None:
        return None


def most_over(passed: list[tuple[float, float]], rate: Rate) -> float:
    """The most by which any stretch of time has more than a burst and the rate."""
    return max(
        sum(n for at, n in passed if since <= at <= until)
        - rate.burst
        - rate.per_s * (until - since)
        for since, _ in passed
        for until in {at for at, _ in passed if at >= since}
    )


async def ask(limits: KeyLimits, identity: Identity = SOMEBODY) -> float:
    known = limits.take(identity)
    return await limits.ask(identity) if known is None else known


async def run(
    processes: int, *, steps: int, draw: random.Random, down: tuple[float, float] = (9e9, 9e9)
) -> tuple[Shared, list[list[tuple[float, float]]]]:
    """Everybody asks far more often than they may; the budget is out of reach for a while."""
    now = [0.0]
    shared = Shared(now)
    each = [KeyLimits(shared, clock=lambda: now[0]) for _ in range(processes)]
    passed: list[list[tuple[float, float]]] = [[] for _ in each]
    for _ in range(steps):
        now[0] += draw.random() * 0.01
        shared.down = down[0] <= now[0] < down[1]
        if down[1] <= now[0] < down[1] + 0.01:
            shared.paid_at = 0.0  # whatever comes back has forgotten everything
        for limits, mine in zip(each, passed, strict=True):
            for _ in range(draw.randrange(3)):
                if await ask(limits) == 0.0:
                    mine.append((now[0], 1.0))
    return shared, passed


async def test_leases_are_never_more_than_a_burst_and_the_rate() -> None:
    shared, passed = await run(4, steps=300, draw=random.Random(1))

    assert most_over(shared.leases, RATE) <= 1e-6
    spent = sum(len(mine) for mine in passed)
    leased = sum(n for _, n in shared.leases)
    assert leased - 4 * RATE.per_s * LEASE_S <= spent <= leased


async def test_one_process_alone_never_lets_in_more_whatever_the_budget_does() -> None:
    _, passed = await run(4, steps=400, draw=random.Random(2), down=(0.5, 1.2))

    for mine in passed:
        assert most_over(mine, RATE) <= 1e-6


async def test_without_its_own_moment_it_would() -> None:
    """The control: a budget that forgets gives another burst at once."""
    now = [0.0]
    shared = Shared(now)
    taken = []
    for _ in range(2):
        while (await shared.lease("k", 1, RATE))[0]:
            taken.append((now[0], 1.0))
        shared.paid_at = 0.0

    assert most_over(taken, RATE) >= RATE.burst


async def test_below_the_rate_nobody_is_refused() -> None:
    now = [0.0]
    shared = Shared(now)
    each = [KeyLimits(shared, clock=lambda: now[0]) for _ in range(4)]
    draw = random.Random(3)
    for _ in range(400):  # 40 a second, of 50
        now[0] += 1 / 40
        assert 0.0 == await ask(draw.choice(each)), now


async def test_who_asks_little_takes_little() -> None:
    now = [0.0]
    shared = Shared(now)
    limits = KeyLimits(shared, clock=lambda: now[0])
    for _ in range(5):
        now[0] += LIFE_S
        await ask(limits)

    assert [1.0] * 5 == [n for _, n in shared.leases]


async def test_who_asks_much_waits_seldom() -> None:
    now = [0.0]
    shared = Shared(now)
    limits = KeyLimits(shared, clock=lambda: now[0])
    quick = Identity(name="q", scopes=frozenset(), rate=Rate(1_000.0, 1_000.0))
    for _ in range(1_000):
        now[0] += 0.001
        assert 0.0 == await ask(limits, quick)

    assert len(shared.leases) < 30
    assert max(n for _, n in shared.leases) <= 1_000 * LEASE_S


async def test_many_at_once_share_a_lease() -> None:
    shared = Shared([0.0])
    limits = KeyLimits(shared, clock=lambda: 0.0)

    waits = await asyncio.gather(*(ask(limits) for _ in range(60)))

    assert RATE.burst == waits.count(0.0)
    assert all(0 < wait <= 1.0 for wait in waits if wait)


@pytest.mark.parametrize("alone", [None, "down"])
async def test_a_process_alone_goes_by_its_own(alone: str | None) -> None:
    now = [0.0]
    shared = Shared(now)
    shared.down = True
    limits = KeyLimits(shared if alone else None, clock=lambda: now[0])

    first = [await ask(limits) for _ in range(30)]
    now[0] += 0.1
    later = [await ask(limits) for _ in range(30)]

    assert (20, 5) == (first.count(0.0), later.count(0.0))


async def test_no_rate_is_no_limit() -> None:
    limits = KeyLimits(Shared([0.0]), clock=lambda: 0.0)
    free = Identity(name="free", scopes=frozenset())

    assert {0.0} == {await ask(limits, free) for _ in range(1_000)}
