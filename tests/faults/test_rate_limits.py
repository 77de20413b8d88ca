"""Bar 22: four processes share a key's rate through one Redis, which is killed halfway.

Every lease is written down with the time before and after it was asked for, and counts as spent.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from service.access.gcra import Rate
from service.access.identity import Identity
from service.access.limits import KeyLimits
from service.access.protocol import BudgetUnavailable
from service.access.redis import RedisBudget
from service.cache.clients import BROKEN, open_client
from tests import servers
from tests.faults.serving import ROOT
from tests.faults.sizes import say, size

RATE = Rate(200.0, 100.0)
PROCESSES = 4
RUN_S = size(3, 20)
KILL_AT_S = RUN_S / 2
SOMEBODY = Identity(name="k", scopes=frozenset(), rate=RATE)


class Noted:
    """The budget, and every lease that was granted: (asked, told, how many)."""

    def __init__(self, budget: RedisBudget) -> None:
        self.budget, self.leases = budget, list[tuple[float, float, float]]()

    async def lease(self, name: str, wanted: float, rate: Rate) -> tuple[float, float]:
        asked = time.time()
        granted, wait_s = await self.budget.lease(name, wanted, rate)
        if granted:
            self.leases.append((asked, time.time(), granted))
        return granted, wait_s

    async def close(self) -> None:
        await self.budget.close()


async def spend(url: str, start: float) -> dict[str, list[list[float]]]:
    """What one process lets in when it is asked far more often than it may."""
    client = open_client(url)
    noted = Noted(RedisBudget(client, budget_s=0.05, broken=BROKEN))
    limits = KeyLimits(noted)
    passed: list[list[float]] = []
    await asyncio.sleep(max(start - time.time(), 0))
    while time.time() < start + RUN_S:
        before = time.time()
        known = limits.take(SOMEBODY)
        if (await limits.ask(SOMEBODY) if known is None else known) == 0.0:
            passed.append([before, time.time(), 1.0])
        else:
            await asyncio.sleep(0.002)
    await noted.close()
    await client.aclose()
    return {"passed": passed, "leases": [list(one) for one in noted.leases]}


def most_over(taken: list[list[float]], rate: Rate) -> float:
    """The most by which any stretch has more than it may, every moment as late or early as helps.

    What was asked after `since` and told before `until` was let in between them.
    """
    worst = -rate.burst
    for since in sorted({one[0] for one in taken})[::7]:
        count = 0.0
        for _, told, n in sorted((one for one in taken if one[0] >= since), key=lambda one: one[1]):
            count += n
            worst = max(worst, count - rate.burst - rate.per_s * (told - since))
    return worst


def test_four_processes_never_take_more_and_go_by_their_own_when_redis_dies(
    tmp_path: Path,
) -> None:
    with servers.valkey(tmp_path) as valkey:
        command = (sys.executable, "-m", "tests.faults.test_rate_limits", valkey.url)
        children = [
            subprocess.Popen(
                command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(PROCESSES)
        ]
        for child in children:
            assert child.stdout is not None
            assert "ready\n" == child.stdout.readline()
        start = time.time() + 0.5
        for child in children:
            assert child.stdin is not None
            child.stdin.write(f"{start}\n")
            child.stdin.flush()
        time.sleep(max(start + KILL_AT_S - time.time(), 0))
        valkey.stop()
        died = time.time()
        told = [json.loads(child.communicate(timeout=RUN_S + 60)[0]) for child in children]

    leases = [one for each in told for one in each["leases"]]
    leased = sum(n for _, _, n in leases)
    before = [one for each in told for one in each["passed"] if one[1] < died - 0.2]
    after = [sum(at > died + 0.5 for _, at, _ in each["passed"]) for each in told]
    local = [most_over(each["passed"], RATE) for each in told]
    say(
        f"leased {leased:.0f} in {KILL_AT_S:g} s of {RATE.burst + RATE.per_s * KILL_AT_S:.0f},"
        f" most over {most_over(leases, RATE):.2f}; passed {len(before)}; after Redis died"
        f" {after} each, most over {max(local):.2f}"
    )

    assert most_over(leases, RATE) <= 1e-3
    assert leased >= 0.8 * (RATE.burst + RATE.per_s * KILL_AT_S)  # nor much less than they may
    assert len(before) <= leased
    assert all(over <= 1e-3 for over in local)
    assert all(after), "everybody went on by their own limit"


async def test_a_limit_of_each_process_alone_would_be_too_much(valkey_url: str) -> None:
    """The control: four that do not share let in four times as much."""
    each = [KeyLimits(None) for _ in range(PROCESSES)]
    taken: list[list[float]] = []
    for limits in each * 200:
        at = time.time()
        if limits.take(SOMEBODY) == 0.0:
            taken.append([at, time.time(), 1.0])

    assert most_over(taken, RATE) > RATE.burst


async def test_the_script_agrees_with_the_model(own_valkey_url: str) -> None:
    client: Redis = open_client(own_valkey_url)
    budget = RedisBudget(client, budget_s=1.0, broken=BROKEN)
    slow = Rate(0.5, 3.0)

    got = [await budget.lease("m", wanted, slow) for wanted in (2.0, 2.0, 1.0)]

    assert [2.0, 1.0, 0.0] == [granted for granted, _ in got]
    assert got[2][1] == pytest.approx(2.0, abs=0.5)
    assert 1 <= await client.ttl("et:k:m") <= 8
    await budget.close()
    await client.aclose()


async def test_a_dead_redis_is_said_and_not_raised(tmp_path: Path) -> None:
    client = open_client(f"redis://127.0.0.1:{servers.free_port()}/")
    budget = RedisBudget(client, budget_s=0.05, broken=BROKEN)

    with pytest.raises(BudgetUnavailable):
        await budget.lease("k", 1.0, RATE)
    assert 0.0 == await KeyLimits(budget).ask(SOMEBODY)
    await budget.close()
    await client.aclose()


if __name__ == "__main__":
    print("ready", flush=True)  # noqa: T201
    sys.stdout.write(json.dumps(asyncio.run(spend(sys.argv[1], float(sys.stdin.readline())))))
