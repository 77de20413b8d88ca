"""Each part killed and frozen in turn under load, then back: no error, and the tier that is right.

Whoever listens is told 503 by itself while the stream of events is down; that is deliberate.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import servers
from tests.faults.parts import Crowd, Parts, crowd
from tests.faults.serving import Service
from tests.faults.sizes import FULL, say, size

PARTS = ("profiles", "content", *(("worker", "learner", "cache", "events") if FULL else ()))
DOWN_S = size(3, 6)
BACK_S = 60.0


class Trusting(Service):
    """A server whose profiles come from their service or not at all."""

    command = (
        "-c",
        (
            "import sys; from service import errors, peer;"
            "peer.PeerUnavailable = errors.StoreUnavailable;"  # which nobody expects there
            "from service.cli import main; sys.exit(main())"
        ),
    )


@pytest.fixture
def parts(tmp_path: Path, data: Path) -> Iterator[Parts]:
    try:
        with Parts(tmp_path, data, all_of_it=FULL) as running:
            yield running
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))


async def well(asking: Crowd) -> None:
    """Return when lists have everything in them again."""
    async with asyncio.timeout(BACK_S):
        while True:
            asking.forget()
            await asyncio.sleep(1)
            if asking.content.keys() == {"ok"} and asking.tiers.keys() == {"personal"}:
                return


async def without(parts: Parts, asking: Crowd, part: str, how: str) -> None:
    """Nobody notices that a part is gone, but for what it says itself; then all is well again."""
    await well(asking)
    await asyncio.to_thread(parts.take, part, how)
    asking.forget()
    await asyncio.sleep(DOWN_S)
    errors, tiers, content = asking.errors, set(asking.tiers), asking.content
    say(
        f"{part} {how}: {dict(asking.statuses)}, tiers {dict(asking.tiers)}, content"
        f" {dict(content)}, shed {asking.shed}, longest {max(asking.took_s):.2f} s"
    )
    await asyncio.to_thread(parts.give_back, part, how)

    assert {} == errors, (part, how)
    assert {"personal"} == tiers
    if part == "content":
        assert content.keys() & {"failed", "late"}
    else:
        assert {"ok"} == content.keys()
    await well(asking)


async def test_whatever_part_is_gone_nobody_is_told_an_error(parts: Parts) -> None:
    async with crowd(parts.api.url) as asking:
        await well(asking)
        assert _asked(parts) > 0, "profiles are not asked of their service: this proves nothing"
        for part in PARTS:
            for how in ("killed", "frozen"):
                await without(parts, asking, part, how)


async def test_who_relies_on_the_service_of_profiles_fails_with_it(
    tmp_path: Path, data: Path
) -> None:
    """The control."""
    try:
        running = Parts(tmp_path, data, api=Trusting)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    with running as parts:
        async with crowd(parts.api.url) as asking:
            await well(asking)
            await asyncio.to_thread(parts.take, "profiles", "killed")
            asking.forget()
            await asyncio.sleep(DOWN_S)
            errors = asking.errors

    say(f"without a second way: {errors}")
    assert errors[503]


def _asked(parts: Parts) -> float:
    """How often the service of profiles has answered."""
    text = httpx.get(f"{parts.services['profiles'].url}/metrics", timeout=10).text
    name = 'echotune_request_seconds_count{route="/v1/profiles",status="200"}'
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))
