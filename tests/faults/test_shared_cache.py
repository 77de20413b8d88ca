"""Several processes, one real Valkey, and what goes wrong between them."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis

from service.cache.protocol import LEASE_S
from service.cache.two_level import TRUST_S
from tests import servers
from tests.faults.cacher import PROCESSES
from tests.faults.proxy import Proxy
from tests.faults.sizes import FULL, size

ROOT = Path(__file__).parents[2]
END_S = 60.0
BOUND_S = 0.5 if FULL else 2.0  # half a second is promised; a busy test run is given more
NOTICED_S = 5.0  # three seconds of silence, and a busy machine


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[servers.Server]:
    """One that may be stopped and emptied."""
    (tmp_path / "valkey").mkdir()
    with servers.valkey(tmp_path / "valkey") as server:
        yield server


class Crew:
    """Processes that work on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[asyncio.subprocess.Process] = []

    async def start(self, what: str, url: str, number: int, **options: Any) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.cacher", what, str(self.folder), url),
            *(str(number), json.dumps(options)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        self.processes.append(process)

    async def reports(self) -> list[dict[str, Any]]:
        async with asyncio.timeout(END_S + size(0, 1_200)):
            outputs = await asyncio.gather(*(one.communicate() for one in self.processes))
        return [json.loads(output.splitlines()[-1]) for output, _ in outputs]

    async def kill(self, index: int) -> None:
        process = self.processes.pop(index)
        process.kill()
        await process.wait()

    def loads(self) -> list[float]:
        """When loaders began, in monotonic seconds."""
        path = self.folder / "loads"
        return [int(line) / 1e9 for line in path.read_text().split()] if path.exists() else []

    async def until_loads(self, count: int) -> list[float]:
        async with asyncio.timeout(END_S):
            while len(loads := self.loads()) < count:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
        return loads


@pytest.fixture
async def crew(tmp_path: Path):
    made = Crew(tmp_path)
    yield made
    for process in made.processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def stampede(crew: Crew, url: str, **options: Any) -> list[dict[str, Any]]:
    begin = time.monotonic() + 5.0  # by then all of them have started
    for number in range(PROCESSES):
        await crew.start("stampede", url, number, begin=begin, readers=250, load_s=0.2, **options)
    return await crew.reports()


async def test_a_thousand_who_want_a_cold_key_cause_one_load(crew: Crew, valkey) -> None:
    reports = await stampede(crew, valkey.url)

    assert [250] * PROCESSES == [one["served"] for one in reports]
    assert 1 == len(crew.loads())


async def test_without_a_lease_every_process_would_load(crew: Crew, valkey) -> None:
    await stampede(crew, valkey.url, without="lease")

    assert 1 < len(crew.loads()) <= PROCESSES


async def test_when_the_lease_holder_is_killed_somebody_else_loads_after_the_lease(
    crew: Crew, valkey
) -> None:
    await crew.start("hold", valkey.url, 0, load_s=600.0)
    await crew.until_loads(1)
    await crew.start("hold", valkey.url, 1)
    await asyncio.sleep(0)

    await crew.kill(0)
    killed = time.monotonic()
    await crew.reports()

    loads = crew.loads()
    assert 2 == len(loads)
    assert loads[1] - max(killed, loads[0] + LEASE_S) < END_S


async def steady(crew: Crew, url: str, **options: Any) -> dict[str, int]:
    seconds = 1.0 * size(3, 20)
    for number in range(PROCESSES):
        await crew.start(
            *("steady", url, number),
            **{"seconds": seconds, "fresh_s": 1.0, "stale_s": 5.0, "load_s": 0.02, **options},
        )
    sources: dict[str, int] = {}
    for report in await crew.reports():
        for source, count in report["sources"].items():
            sources[source] = sources.get(source, 0) + count
    return sources


def gaps(loads: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(loads)]


async def test_an_expiry_under_steady_reads_costs_one_load_and_blocks_nobody(
    crew: Crew, valkey
) -> None:
    sources = await steady(crew, valkey.url)

    assert ["local"] == list(sources)  # nobody waited for another level, or for a load
    loads = crew.loads()
    assert len(loads) >= 3
    # Early refresh may come up to 20 times the cost ahead; a second load for one expiry would
    # follow within the cost of the first.
    assert min(gaps(loads)) > 0.3


async def test_without_a_lease_an_expiry_costs_several_loads(crew: Crew, valkey) -> None:
    await steady(crew, valkey.url, without="lease", load_s=0.2)

    assert min(gaps(crew.loads())) < 0.3


async def audit(crew: Crew, url: str, proxy: Proxy | None, **options: Any) -> list[dict[str, Any]]:
    options = {"pause_s": 0.01, "bound_s": BOUND_S, "settle_s": 1.0, "budget_s": 0.1} | options
    for number in range(PROCESSES):
        through = proxy.url if proxy is not None and number == 1 else url
        await crew.start("audit", through, number, **options)
    return await crew.reports()


async def test_over_a_sound_network_nothing_older_than_the_bound_is_served(
    crew: Crew, valkey
) -> None:
    ending = asyncio.create_task(stop_after(crew, size(4, 120)))
    reports = await audit(crew, valkey.url, None)
    await ending

    assert [] == [fault for report in reports for fault in report["faults"]]
    assert all(report["writes"] > 20 and report["reads"] > 100 for report in reports)


async def test_a_process_that_hears_nothing_is_found_out(crew: Crew, valkey) -> None:
    """The control: the same audit, with one protection off."""
    ending = asyncio.create_task(stop_after(crew, 3))
    reports = await audit(crew, valkey.url, None, without="versions")
    await ending

    assert any(report["faults"] for report in reports)


async def test_behind_a_bad_wire_nothing_is_old_for_long_and_in_the_end_all_is_true(
    crew: Crew, valkey
) -> None:
    async with Proxy(valkey.port) as proxy:

        async def torment() -> None:
            await asyncio.sleep(4)
            for _ in range(size(1, 20)):
                proxy.latency_s = 0.05
                await asyncio.sleep(1)
                proxy.heal()
                proxy.slice = 7
                await asyncio.sleep(1)
                proxy.heal()
                proxy.reset_peer()
                await asyncio.sleep(1)
                proxy.timeout()
                await asyncio.sleep(size(4, 40))
                proxy.heal()
                await asyncio.sleep(1)
                await proxy.down()
                await asyncio.sleep(1)
                await proxy.up()
                await asyncio.sleep(1)
            (crew.folder / "stop").touch()

        tormenting = asyncio.create_task(torment())
        reports = await audit(crew, valkey.url, proxy, bound_s=TRUST_S + NOTICED_S, settle_s=5.0)
        await tormenting

    assert [] == [fault for report in reports for fault in report["faults"]]


async def stop_after(crew: Crew, seconds: float) -> None:
    await crew.until_loads(1)
    await asyncio.sleep(seconds)
    (crew.folder / "stop").touch()


async def test_a_flushed_cache_loses_answers_and_nothing_else(crew: Crew, valkey) -> None:
    async def flush() -> None:
        await crew.until_loads(1)
        with redis.Redis.from_url(valkey.url) as client:
            for _ in range(size(10, 200)):
                client.flushall()
                await asyncio.sleep(0.2)
        (crew.folder / "stop").touch()

    flushing = asyncio.create_task(flush())
    reports = await audit(crew, valkey.url, None)
    await flushing

    assert [] == [fault for report in reports for fault in report["faults"]]
