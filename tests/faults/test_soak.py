"""Bar 35: hours with one fault at a time, drawn by a seed: nothing fails, nothing is lost or grows.

FAULTS_MINUTES says how many minutes; what is asserted does not depend on it.
"""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests import servers
from tests.faults.parts import Crowd, Parts, crowd
from tests.faults.sizes import MINUTES, say
from tests.faults.test_kill_server import listens_of
from tests.faults.test_parts import PARTS, well

SEED = 20261126
DOWN_S, WELL_S = (1.0, 4.0), (1.0, 5.0)
MORE_FILES = 20
"""Connections that are kept for the next question; a leak is one for each fault or request."""


def files(parts: Parts) -> int:
    """What the API process has open."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in parts.api.workers())


def resident_mb(parts: Parts) -> float:
    """Of the API process."""
    (pid,) = parts.api.workers()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def lost(parts: Parts, acked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Listens that were acknowledged and are not there exactly once."""
    users = {user for user, _ in acked}
    found = {user: listens_of(parts.api, user) for user in users}
    return [(user, one) for user, one in acked if found[user][one] != 1]


def growth_an_hour(resident: list[float], minutes: float) -> float:
    """Of memory watched for so long, from the second third to the last: the first fills caches."""
    third = max(len(resident) // 3, 1)
    middle, last = np.median(resident[third : 2 * third]), np.median(resident[-third:])
    return float(last / middle - 1) * 60 / (minutes / 3)


async def soak(
    parts: Parts, asking: Crowd, *, seconds: float, resident: list[float]
) -> Counter[str]:
    """Which faults there were; `asking` has what its clients were told."""
    draw, faults, until = random.Random(SEED), Counter[str](), time.monotonic() + seconds
    while time.monotonic() < until:
        resident.append(resident_mb(parts))
        part, how = draw.choice(PARTS), draw.choice(("killed", "frozen"))
        await asyncio.to_thread(parts.take, part, how)
        await asyncio.sleep(draw.uniform(*DOWN_S))
        await asyncio.to_thread(parts.give_back, part, how)
        await asyncio.sleep(draw.uniform(*WELL_S))
        faults[f"{part} {how}"] += 1
    resident.append(resident_mb(parts))
    return faults


async def test_nothing_fails_or_is_lost_whatever_breaks_one_by_one(
    tmp_path: Path, data: Path
) -> None:
    try:
        running = Parts(tmp_path, data, all_of_it=len(PARTS) > 2)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    with running as parts:
        async with crowd(parts.api.url) as asking:
            await well(asking)
            asking.forget()
            before, resident = files(parts), list[float]()
            faults = await soak(parts, asking, seconds=60 * MINUTES, resident=resident)
            after, errors = files(parts), asking.errors
            good, took_s = asking.statuses.total(), asking.took_s
            say(
                f"{MINUTES:g} min, {faults.total()} faults {dict(faults)}: {good} answers,"
                f" {errors} failed, {asking.shed} shed, {asking.untold} listens told to come"
                f" again, tiers {dict(asking.tiers)}, p95 {np.percentile(took_s, 95) * 1e3:.0f} ms"
            )
            await well(asking)
        gone = await asyncio.to_thread(lost, parts, asking.acked)
        invented = await asyncio.to_thread(lost, parts, [("jazz-u0", "never sent")])
    say(
        f"{len(asking.acked)} listens acknowledged, {len(gone)} lost; files {before} then {after},"
        f" {resident[0]:.0f} then {resident[-1]:.0f} MB,"
        f" {growth_an_hour(resident, MINUTES):.1%} an hour"
    )

    assert {} == errors
    assert {"personal"} == asking.tiers.keys()
    assert [] == gone
    assert [("jazz-u0", "never sent")] == invented  # the control of that
    assert after <= before + MORE_FILES
